"""A history that was healed and drained, and the outcome that ISSUED has to have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.history import History
from tests.faults.outcome import Outcome
from tests.faults.unit.made import KNOWN, well


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "history.jsonl", "f00", 7) as history:
        history.acknowledged(KNOWN)
        history.happened("healed")
        history.happened("drained")
        yield history


@pytest.fixture
def outcome() -> Outcome:
    return well()
