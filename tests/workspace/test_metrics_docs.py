"""Every metric is explained to operators, and nothing is explained that is not measured."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
MADE = re.compile(r"(Counter|Gauge|Histogram)\(\s*\"(kundenportal_\w+)\"")
SOURCES = [*(ROOT / "chassis" / "src").rglob("*.py"), *(ROOT / "services").rglob("src/**/*.py")]


def metrics() -> set[str]:
    """The names as Prometheus sees them: a counter's ends with _total."""
    found = (match for source in SOURCES for match in MADE.findall(source.read_text(encoding="utf-8")))
    return {name + "_total" * (kind == "Counter") for kind, name in found}


def test_the_table_names_exactly_the_metrics_there_are() -> None:
    """docs/operations.md lists each by its full name."""
    assert set(re.findall(r"`(kundenportal_[a-z_]+)`", OPERATIONS)) == metrics()


@pytest.mark.parametrize("name", sorted(metrics()))
def test_names_end_with_their_unit(name: str) -> None:
    """A counter says _total and nothing else does; times are in seconds, sizes in bytes."""
    assert not re.search(r"_(ms|millis|milliseconds|minutes|kb|mb|count)(_|$)", name)


def test_every_alert_has_its_runbook() -> None:
    """Each alert's link leads to a line that says what to do."""
    linked, written = (
        set(re.findall(r"\(#(alert-[a-z-]+)\)", OPERATIONS)),
        re.findall(r'id="(alert-[a-z-]+)"', OPERATIONS),
    )
    assert linked == set(written)
    assert len(written) == len(linked)
