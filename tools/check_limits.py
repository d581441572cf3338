"""The limits that no linter knows: sizes of files, functions and tests, and words that may not stand in the tree.

Prints the targets' figures, then one line per breach; exits 1 when there is one.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

SOURCE_FILE, FUNCTION, TEST, TEST_FILE = 300, 60, 40, 400
SMALL_FILES = {"main.py": 80, "subscriptions.py": 40}
PATCHES = re.compile(r"\bmonkeypatch\.setattr\(|\bmock\.patch\b|\bimport mock\b|unittest\.mock")
# Put together from halves, so that this file does not hold what it looks for.
RAW_CONNECTIONS = re.compile("driver_" + "connection|get_raw_" + "connection")
REGISTRIES = re.compile(
    "py" + r"pi\.org|pythonhosted\." + "org|repo1?\\.maven\\." + r"org|maven\.apache\." + "org/maven2"
)
OPEN_ENDS = re.compile(r"#\s*(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


@dataclass
class Findings:
    breaches: list[str] = field(default_factory=list)
    source_files: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    tests: list[int] = field(default_factory=list)

    def limit(self, where: str, lines: int, ceiling: int) -> None:
        if lines > ceiling:
            self.breaches.append(f"{where}: {lines} lines, at most {ceiling}")


def main() -> int:
    root = Path(__file__).parents[1]
    findings = Findings()
    for path in tracked_files(root):
        check_words(path, root, findings)
        if path.suffix == ".py":
            check_python(path, root, findings)
    if (root / "uv.lock").exists():
        findings.breaches.append("uv.lock: the lock is requirements.lock; remove it")
    report(findings)
    return 1 if findings.breaches else 0


def tracked_files(root: Path) -> Iterator[Path]:
    """Every file git knows or would take, so that a new file counts before it is committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (path := root / name).is_file():
            yield path


def check_words(path: Path, root: Path, findings: Findings) -> None:
    """Refuse raw driver connections (they leave the transaction) and hosts of package registries."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    forbidden = [(REGISTRIES, "names a package registry's host")]
    if path.suffix == ".py":
        forbidden += [
            (RAW_CONNECTIONS, "takes a raw connection, which leaves the transaction"),
            (OPEN_ENDS, "has an open end"),
        ]
    for number, line in enumerate(text.splitlines(), start=1):
        findings.breaches += [
            f"{path.relative_to(root)}:{number}: {why}" for what, why in forbidden if what.search(line)
        ]


def check_python(path: Path, root: Path, findings: Findings) -> None:
    text = path.read_text(encoding="utf-8")
    where = str(path.relative_to(root))
    lines = len(text.splitlines())
    if where.startswith("tests/"):
        findings.limit(where, lines, TEST_FILE)
        findings.breaches += [f"{where}: patches; choose a fake at the wiring" for _ in PATCHES.findall(text)]
    else:
        findings.limit(where, lines, SMALL_FILES.get(path.name, SOURCE_FILE))
        if lines:
            findings.source_files.append(lines)
    for function in functions(ast.parse(text)):
        check_function(function, where, findings)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def check_function(function: ast.FunctionDef | ast.AsyncFunctionDef, where: str, findings: Findings) -> None:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    place = f"{where}:{function.lineno} {function.name}"
    if where.startswith("tests/") and function.name.startswith("test_"):
        findings.tests.append(lines)
        findings.limit(place, lines, TEST)
        if not ast.get_docstring(function):
            findings.breaches.append(f"{place}: no docstring that says the behaviour")
    else:
        findings.limit(place, lines, FUNCTION)
        if not where.startswith("tests/"):
            findings.functions.append(lines)


def report(findings: Findings) -> None:
    if findings.source_files and len(findings.functions) > 1 and findings.tests:
        p90 = quantiles(findings.functions, n=10)[-1]
        print(f"source files: median {median(findings.source_files):.0f} lines (target 80)")
        print(f"functions: median {median(findings.functions):.0f} (target 10), p90 {p90:.0f} (target 30)")
        print(f"tests: median {median(findings.tests):.0f} (target 8-15), {len(findings.tests)} of them")
    for breach in findings.breaches:
        print(breach, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
