"""What one poll of one partition brought, and how far each of its records has come."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from chassis.messaging.subscriptions import (
    DeadLetter,
    Event,
    Handler,
    Malformed,
    MalformedHandler,
    Record,
    Subscription,
)
from kundenportal_contracts.envelope import EventInvalid, read_envelope

AnyHandler = Handler[Any, Any] | MalformedHandler[Any, Any]


@dataclass(slots=True, eq=False)
class Entry:
    """A record on its way through its handler."""

    subject: Event | Malformed
    handler: AnyHandler
    verdict: Any = None
    prepared_at: float | None = None
    """Monotonic seconds at which its preparation began; None: it has to be prepared."""
    settled: bool = False

    def is_fresh(self, oldest: float) -> bool:
        """Whether it was prepared, and not before `oldest`."""
        return self.prepared_at is not None and self.prepared_at >= oldest

    def take(self, verdict: Any, prepared_at: float) -> DeadLetter | None:
        """Keep what `prepare` said of it; a dead letter settles it."""
        if isinstance(verdict, DeadLetter):
            self.settled = True
            return verdict
        self.verdict, self.prepared_at = verdict, prepared_at
        return None


@dataclass(slots=True, eq=False)
class Batch:
    """Records of one partition that are acknowledged together; `next_offset` is what the acknowledgement says."""

    topic: str
    partition: int
    records: Sequence[Record]
    entries: list[Entry] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """The unknown ce_types that were skipped."""
    letters_written: bool = False

    @property
    def first_offset(self) -> int:
        return self.records[0].offset

    @property
    def next_offset(self) -> int:
        return self.records[-1].offset + 1

    def open_entries(self) -> list[Entry]:
        """What has yet to take effect, in order."""
        return [entry for entry in self.entries if not entry.settled]


def runs(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Consecutive entries of the same handler."""
    for _, run in groupby(entries, key=lambda entry: id(entry.handler)):
        yield list(run)


def sort_out(records: Sequence[Record], subscription: Subscription[Any]) -> Batch:
    """Find each record's handler; what has none is skipped or a dead letter."""
    batch = Batch(records[0].topic, records[0].partition, records)
    for record in records:
        _sort(record, subscription, batch)
    return batch


def _sort(record: Record, subscription: Subscription[Any], batch: Batch) -> None:
    try:
        event = Event(record, read_envelope(record.headers))
    except EventInvalid as invalid:
        if _forgets_key(record, subscription):
            batch.skipped.append("")
        elif subscription.malformed is not None:
            batch.entries.append(Entry(Malformed(record, invalid.detail), subscription.malformed))
        else:
            batch.letters.append(DeadLetter(record, invalid.reason, invalid.detail))
        return
    handler = subscription.handlers.get(event.envelope.type)
    if handler is not None:
        batch.entries.append(Entry(event, handler))
    elif subscription.malformed is not None and not _forgets_key(record, subscription):
        batch.entries.append(Entry(Malformed(record, "header ce_type is unknown here"), subscription.malformed))
    else:
        batch.skipped.append(event.type)


def _forgets_key(record: Record, subscription: Subscription[Any]) -> bool:
    return record.value is None and subscription.topic.retention is None


def cut(records: Sequence[Record], max_bytes: int) -> Iterator[list[Record]]:
    """Split a poll so that no batch holds more than `max_bytes` of values, or one larger record alone."""
    part: list[Record] = []
    size = 0
    for record in records:
        length = len(record.value or b"")
        if part and size + length > max_bytes:
            yield part
            part, size = [], 0
        part.append(record)
        size += length
    if part:
        yield part
