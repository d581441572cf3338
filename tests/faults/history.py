"""What billing handed over and what was done to the system meanwhile: one JSON line each, written as it happens.

An input stands here when, and only when, the broker acknowledged it; the checker takes the file as it is, also later.
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

Place = tuple[str, int, int]
"""topic, partition, offset"""


@dataclass(frozen=True, slots=True)
class Issued:
    """A document that has to be filed. `ce_time` as ISO 8601 in UTC."""

    customer_number: str
    document_number: str
    sha256: str
    ce_id: str
    ce_time: str
    place: Place


@dataclass(frozen=True, slots=True)
class Withdrawn:
    customer_number: str
    document_number: str
    ce_id: str
    ce_time: str
    place: Place


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that has to be kept with this reason: in quarantine, or as a dead letter where it is not billing's."""

    expected_reason: str
    ce_id: str
    place: Place


@dataclass(frozen=True, slots=True)
class Known:
    """A user of whom identity told: to `email` go the mails of this customer."""

    customer_number: str
    email: str
    ce_id: str
    place: Place


@dataclass(frozen=True, slots=True)
class Registered:
    """A customer whom identity has to register."""

    customer_number: str
    ce_id: str
    place: Place


Input = Issued | Withdrawn | Poison | Known | Registered
IN_FLIGHT = "dots in flight"
"""The event that names the mails whose dots were being written when something died: they may become `unknown`."""

FOLDER = Path(__file__).parents[2] / ".local" / "faults"
KEPT_RUNS = 9

KINDS: dict[str, type[Input]] = {kind.__name__: kind for kind in (Issued, Withdrawn, Poison, Known, Registered)}


@dataclass(frozen=True, slots=True)
class Event:
    """What was done or seen; `at` in monotonic seconds of this machine."""

    what: str
    at: float
    facts: dict[str, Any]


def new_folder(fault: str, seed: int) -> Path:
    """Where a run writes what it saw; of the runs before, the latest few of each fault stay."""
    folder = FOLDER / f"{fault}-{seed}"
    earlier = [each for each in FOLDER.glob(f"{fault}-*") if each.name.removeprefix(f"{fault}-").isdecimal()]
    latest_first = sorted(earlier, key=lambda each: each.stat().st_mtime, reverse=True)
    for old in (folder, *latest_first[KEPT_RUNS:]):
        shutil.rmtree(old, ignore_errors=True)
    return folder


class History:
    """Append-only. Use it as a context manager, or `close` it."""

    def __init__(self, path: Path, fault: str, seed: int) -> None:
        self.path, self.fault, self.seed = path, fault, seed
        self.inputs: list[Input] = []
        self.events: list[Event] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self._write({"fault": fault, "seed": seed, "began": time.time()})

    def acknowledged(self, given: Input) -> None:
        """The broker has it. What is handed over twice is told twice."""
        self.inputs.append(given)
        self._write({"at": time.monotonic(), "input": type(given).__name__, **asdict(given)})

    def happened(self, what: str, **facts: Any) -> None:
        """`killed …` counts as a kill; the last `healed` starts the time that draining may take."""
        event = Event(what, time.monotonic(), facts)
        self.events.append(event)
        self._write({"at": event.at, "event": what, **facts})

    def count(self, prefix: str) -> int:
        return sum(event.what.startswith(prefix) for event in self.events)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()


class ReadHistory:
    """The same, read back from its file; a last line that was cut off by a kill is left out."""

    def __init__(self, path: Path) -> None:
        head, *lines = _lines(path)
        self.fault, self.seed = str(head["fault"]), int(head["seed"])
        self.inputs: list[Input] = []
        self.events: list[Event] = []
        for line in lines:
            at = line.pop("at")
            if "event" in line:
                self.events.append(Event(line.pop("event"), at, line))
            else:
                self.inputs.append(_input(line))

    def count(self, prefix: str) -> int:
        return sum(event.what.startswith(prefix) for event in self.events)


AnyHistory = History | ReadHistory


def _lines(path: Path) -> list[dict[str, Any]]:
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.split("\n")]


def _input(line: dict[str, Any]) -> Input:
    kind = KINDS[line.pop("input")]
    topic, partition, offset = line.pop("place")
    return kind(**line, place=(topic, partition, offset))
