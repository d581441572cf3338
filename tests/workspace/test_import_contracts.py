"""Each import contract breaks when somebody plants what it forbids."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = ["contracts", "chassis", "services/identity", "services/documents", "services/notifier", "services/gateway"]

PLANTED = {
    "a service imports another service": ("identity/domain.py", "import gateway", "Services never import each other"),
    "the chassis imports a service": ("chassis/clock.py", "import documents", "Services never import each other"),
    "a use case imports the API": ("documents/use_cases/__init__.py", "import documents.api", "main > api"),
    "a port imports a use case": ("notifier/ports.py", "import notifier.use_cases", "main > api"),
    "a domain imports a technology": ("documents/domain.py", "import sqlalchemy", "A domain imports"),
    "a domain imports the chassis": ("notifier/domain.py", "import chassis.clock", "A domain imports"),
    "an API chooses an adapter": ("identity/api.py", "import identity.adapters", "Adapters are chosen by main"),
    "an event model imports a bus client": (
        "kundenportal_contracts/billing.py",
        "import aiokafka",
        "Contracts import pydantic",
    ),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of every member's package in one folder, to plant in."""
    folder = tmp_path_factory.mktemp("planted")
    for member in MEMBERS:
        for package in (ROOT / member / "src").iterdir():
            shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def lint(folder: Path) -> tuple[int, str]:
    lint_imports = Path(sys.executable).parent / "lint-imports"
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(
        [lint_imports, "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_tree_as_it_is_keeps_every_contract(sources: Path) -> None:
    """Nothing planted, nothing broken: a red contract below is the plant's doing."""
    code, output = lint(sources)
    assert code == 0, output


@pytest.mark.parametrize(("module", "line", "contract"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_violation_breaks_its_contract(sources: Path, module: str, line: str, contract: str) -> None:
    """A forbidden import is named under the contract that forbids it."""
    planted = sources / module
    original = planted.read_text(encoding="utf-8")
    planted.write_text(f"{original}\n{line}\n", encoding="utf-8")
    try:
        code, output = lint(sources)
    finally:
        planted.write_text(original, encoding="utf-8")
    broken = [row for row in output.splitlines() if "BROKEN" in row]
    assert code == 1
    assert any(contract in row for row in broken), output
