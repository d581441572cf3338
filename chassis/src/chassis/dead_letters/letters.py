"""What stands in a dead-letters topic: letters, and notes that say what became of them.

Kafka deletes no single record, so a letter that was handled is followed by a note in the same topic: who did what with
it, when, and why. Letter and note are told apart by their last headers, which the one who writes them writes himself.
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from chassis.messaging.clients import Message
from chassis.messaging.dead_letters import DLQ_HEADERS, HEADER_NAMES, TRUNCATED
from chassis.messaging.records import Record
from chassis.telemetry import trace_id_of

NOTE_HEADERS = ("dlq_handled", "dlq_action", "dlq_by", "dlq_at")
UNKNOWN_REASON = "unknown"
OURS = [(*DLQ_HEADERS, *more) for more in ((), (HEADER_NAMES,), (TRUNCATED,), (HEADER_NAMES, TRUNCATED))]
# Kafka's partitions have 32 bits, its offsets 64.
PLACE = re.compile(r"(?:([0-9]{1,10})/)?([0-9]{1,19})")

Action = Literal["replayed", "discarded"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a letter stands in the dead-letters topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the record stood that became a letter."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a letter."""

    letter: Place
    action: str
    by: str
    at: str
    because: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter without its value. `origin` is None where a record was not written by a service of ours."""

    place: Place
    written_at: datetime | None
    reason: str
    origin: Origin | None
    key: bytes | None
    size: int | None
    headers: tuple[tuple[str, bytes | None], ...]
    """Those it came with, without ours."""
    odd_names: Mapping[int, bytes]
    """Header names that are not UTF-8, by place; `headers` has them readable."""
    truncated: str | None = None
    """What was cut of it when it was written, see `shorten`."""
    note: Note | None = None

    @property
    def trace_id(self) -> str | None:
        """What the log lines about the record carry: one search finds why it became a letter."""
        if self.origin is None:
            return None
        origin = self.origin
        record = Record(origin.topic, origin.partition, origin.offset, self.key, None, self.headers)  # type: ignore[arg-type]
        return trace_id_of(record.trace_headers)

    def header(self, name: str) -> bytes | None:
        return next((value for header, value in self.headers if header == name), None)


def read(record: Record, written_at: datetime | None) -> Letter | Note:
    """Tell what a record of a dead-letters topic is; whatever it is, it is one of the two."""
    names = tuple(name for name, _ in record.headers)
    if names[-len(NOTE_HEADERS) :] == NOTE_HEADERS and (note := _note(record)):
        return note
    own = next((len(each) for each in OURS if names[-len(each) :] == each), 0)
    told = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers[len(names) - own :]}
    try:
        origin, odd_names = _origin(told), _odd_names(told.get(HEADER_NAMES, ""), len(names) - own)
    except (KeyError, ValueError):  # no service of ours wrote this: nothing of it is believed
        own, told, origin, odd_names = 0, {}, None, {}
    return Letter(
        place=Place(record.partition, record.offset),
        written_at=written_at,
        reason=told.get(DLQ_HEADERS[0]) or UNKNOWN_REASON,
        origin=origin,
        key=record.key,
        size=None if record.value is None else len(record.value),
        headers=record.headers[: len(names) - own],
        odd_names=odd_names,
        truncated=told.get(TRUNCATED),
    )


def fold(read_in_order: Iterable[Letter | Note]) -> list[Letter]:
    """Put to each letter the first note about it; a note never speaks of what stands behind it."""
    letters: dict[Place, Letter] = {}
    for each in read_in_order:
        if isinstance(each, Letter):
            letters[each.place] = each
        elif (letter := letters.get(each.letter)) and letter.note is None:
            letters[each.letter] = replace(letter, note=each)
    return list(letters.values())


def note_message(topic: str, letter: Letter, action: Action, *, by: str, at: datetime, because: str | None) -> Message:
    """The record that keeps what was done, with the reason and origin of the letter beside it."""
    value = {
        "letter": str(letter.place),
        "action": action,
        "by": by,
        "at": at.isoformat(),
        "because": because,
        "reason": letter.reason,
        "origin": str(letter.origin) if letter.origin else None,
    }
    told = (str(letter.place), action, by, at.isoformat())
    return Message(
        topic,
        str(letter.place).encode(),
        json.dumps(value, ensure_ascii=False).encode(),
        tuple((name, text.encode()) for name, text in zip(NOTE_HEADERS, told, strict=True)),
        letter.place.partition,
    )


def original(letter: Letter, value: bytes | None) -> Message:
    """The record as it first came, for the place it came to; only for whole letters with an origin and readable names."""
    if letter.origin is None or letter.odd_names or letter.truncated is not None:
        raise ValueError("this letter cannot be written back")
    headers = tuple((name, value_) for name, value_ in letter.headers)
    return Message(letter.origin.topic, letter.key, value, headers, letter.origin.partition)  # type: ignore[arg-type]


def parse_place(text: str) -> Place:
    """Read `OFFSET` or `PARTITION/OFFSET`; ValueError where it is neither."""
    found = PLACE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:50]!r} is neither OFFSET nor PARTITION/OFFSET")
    return Place(int(found[1] or 0), int(found[2]))


def _note(record: Record) -> Note | None:
    told = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers[-len(NOTE_HEADERS) :]}
    handled, action, by, at = (told[name] for name in NOTE_HEADERS)
    try:
        return Note(parse_place(handled), action, by, at, _because(record.value))
    except ValueError:
        return None


def _because(value: bytes | None) -> str | None:
    try:
        said = json.loads(value or b"{}")
    except (ValueError, RecursionError):
        return None
    because = said.get("because") if isinstance(said, dict) else None
    return because if isinstance(because, str) else None


def _origin(told: Mapping[str, str]) -> Origin:
    """Raises KeyError or ValueError where there is none."""
    topic, partition, offset = (told[name] for name in DLQ_HEADERS[1:])
    if not topic:
        raise ValueError("a record stood on a topic")
    place = parse_place(f"{partition}/{offset}")
    return Origin(topic, place.partition, place.offset)


def _odd_names(told: str, headers: int) -> dict[int, bytes]:
    """Raises ValueError where these are not places among so many headers, and base64."""
    found: dict[int, bytes] = {}
    for part in filter(None, told.split(",")):
        place, _, name = part.partition(":")
        number = parse_place(place).offset
        if number >= headers:
            raise ValueError("there is no such header")
        found[number] = b64decode(name, validate=True)
    return found
