# Kundenportal: `make help` lists what there is. Nothing needs Docker; everything is installed into .venv and .local.
SHELL := bash
.DEFAULT_GOAL := help
export UV_NO_SYNC := 1
# Byte code is kept, also where the environment says otherwise: every start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
bin := .venv/bin
stamp := .venv/.ready
members := contracts chassis services/identity services/documents services/notifier services/gateway deploy/local

.PHONY: help setup run smoke test faults test-unit check format bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(stamp) ## Install every pinned package into .venv (hashes checked; a second run does nothing)
$(stamp): requirements.lock workspace.in tools/uv.lock.txt tools/setup.sh $(members:=/pyproject.toml)
	@tools/setup.sh
	@touch $@

run: $(stamp) ## Start the whole portal on 127.0.0.1 with sample data, until Ctrl-C (EMPTY=1: no sample data)
	@exec $(bin)/kundenportal run $(if $(EMPTY),--empty)

smoke: $(stamp) ## Do the main job once, unattended, in a .local of its own; exits 0 when all of it was seen
	@exec $(bin)/kundenportal smoke

test: $(stamp) ## Run every test: unit and simulation, integration on real parts, short faults, journeys in a real browser
	@tools/browser.sh
	$(bin)/pytest tests/*/unit -n 3 --dist loadfile
	$(bin)/pytest tests --ignore-glob='tests/*/unit' -n 2 --dist loadfile

fault_form = KUNDENPORTAL_FAULTS=$(if $(LONG),long) KUNDENPORTAL_FAULTS_SEED=$(SEED)
faults: $(stamp) ## Break things under load, count what is lost or doubled (LONG=1: the long form, F=f05: one fault, SEED=…)
	$(fault_form) $(bin)/pytest tests/faults -m fault -rP --no-header $(if $(F),-k $(F))
	$(if $(LONG),$(if $(F),,$(fault_form) $(bin)/pytest tests/simulation/unit -n 2 --no-header))

test-unit: $(stamp) ## Run the unit tests alone (no server, seconds)
	$(bin)/pytest tests/*/unit -n 3 --dist loadfile

check: $(stamp) ## Lint, types, import contracts, size limits: everything that reads and runs nothing
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy
	$(bin)/lint-imports --no-cache
	$(bin)/python tools/check_limits.py

format: $(stamp) ## Format the code and mend what ruff can mend
	$(bin)/ruff check --fix-only .
	$(bin)/ruff format .

bench: $(stamp) ## Measure the expensive paths beside a raw limit, as ratios (B=b1: one of them; PROFILE=1: and where its time goes)
	$(bin)/python -m tests.benchmarks $(B) $(if $(PROFILE),--profile)

lock: $(stamp) ## Renew requirements.lock from the members' pyproject.toml (UPGRADE=1 moves the pins)
	tools/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## Remove .venv and .local with everything the local portal kept
	@if [ -x $(bin)/kundenportal ]; then $(bin)/kundenportal clean; fi
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
