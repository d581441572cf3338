#!/usr/bin/env bash
# Renews requirements.lock from the members' pyproject.toml: hashes of every file, no index, no local path.
# `tools/lock.sh --upgrade` moves the pins; without it they stay where they can.
set -euo pipefail
cd "$(dirname "$0")/.."
members=(kundenportal-{contracts,chassis,identity,documents,notifier,gateway,local})
.local/tools/uv/bin/uv pip compile -q workspace.in --group dev --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header --no-annotate "${members[@]/#/--no-emit-package=}" -o requirements.lock "$@"
