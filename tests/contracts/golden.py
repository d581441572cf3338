"""The golden examples and the models they are examples of, for the tests that look at every event."""

import json
from pathlib import Path
from typing import Any

from kundenportal_contracts.catalogue import EVENTS
from kundenportal_contracts.envelope import EventData

CONTRACTS = Path(__file__).parents[2] / "contracts"
FOLDER = CONTRACTS / "examples"
FILES = sorted(FOLDER.glob("*.json"))
# One file of each event, by its type.
FIRST = {ce_type: FOLDER / f"{ce_type}.json" for ce_type in EVENTS}


def read(file: Path) -> dict[str, Any]:
    example: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return example


def model_of(file: Path) -> type[EventData]:
    return EVENTS[read(file)["headers"]["ce_type"]]
