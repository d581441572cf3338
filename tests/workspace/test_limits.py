"""The limits of `make check` find what they are there for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / "tools" / "check_limits.py"
BREACHES = {
    "a long source file": ("src/long.py", "x = 1\n" * 301, "301 lines, at most 300"),
    "a long main": ("src/main.py", "x = 1\n" * 81, "81 lines, at most 80"),
    "a long function": ("src/f.py", "def f():\n" + "    x = 1\n" * 60, "61 lines, at most 60"),
    "a long test": ("tests/test_a.py", 'def test_a():\n    """Says."""\n' + "    x = 1\n" * 39, "41 lines, at most 40"),
    "a test that says nothing": ("tests/test_b.py", "def test_b():\n    assert f\n", "no docstring"),
    "a patch": ("tests/test_c.py", "monkeypatch." + "setattr(a, b)\n", "choose a fake at the wiring"),
    "a raw connection": ("src/d.py", "c = conn.driver_" + "connection\n", "leaves the transaction"),
    "a registry's host": ("notes.txt", "https://py" + "pi.org/simple\n", "package registry"),
    "an open end": ("src/e.py", "# TO" + "DO later\n", "open end"),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    shutil.copy(CHECK, tmp_path / "tools")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def check(tree: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, tree / "tools" / "check_limits.py"], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def test_a_tree_within_the_limits_passes(tree: Path) -> None:
    """Small files and honest words are no breach."""
    (tree / "small.py").write_text("x = 1\n")
    assert check(tree) == (0, "")


@pytest.mark.parametrize(("name", "text", "says"), BREACHES.values(), ids=BREACHES.keys())
def test_a_breach_is_named(tree: Path, name: str, text: str, says: str) -> None:
    """A breach fails the check, and its line says where and why."""
    path = tree / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    code, errors = check(tree)
    assert code == 1
    assert name in errors
    assert says in errors
