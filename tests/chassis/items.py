"""What the messaging tests handle: items, the events that name them, and a shelf that takes them in transactions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import uuid4

from chassis.messaging.clients import Message
from chassis.messaging.subscriptions import DeadLetter, Event, Malformed, Record, Subscription
from kundenportal_contracts.envelope import Envelope, EventData, encode, read_envelope, write_headers
from kundenportal_contracts.topics import Topic

ITEMS = Topic("tests.items.v1", 3, timedelta(days=7), 1_048_576, "item")
TIME = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class ItemNamed(EventData):
    ce_type: ClassVar[str] = "tests.ItemNamed.v1"
    topic: ClassVar[Topic] = ITEMS
    key_field: ClassVar[str] = "item"

    item: str
    text: str = ""


class ItemLost(ItemNamed):
    ce_type: ClassVar[str] = "tests.ItemLost.v1"


def headers(
    ce_type: str = ItemNamed.ce_type, event_id: str | None = None, trace: bytes | None = None
) -> tuple[tuple[str, bytes], ...]:
    envelope = Envelope(event_id or str(uuid4()), "tests/items", ce_type, TIME)
    return tuple(write_headers(envelope, [("traceparent", trace)] if trace else []))


def message(item: str, *, event_id: str | None = None, kind: type[ItemNamed] = ItemNamed) -> Message:
    return Message(
        ITEMS.name, item.encode(), encode(kind(item=item)), headers(kind.ce_type, event_id or f"{kind.__name__}-{item}")
    )


def record(item: str, offset: int = 0, *, event_id: str | None = None, kind: type[ItemNamed] = ItemNamed) -> Record:
    sent = message(item, event_id=event_id, kind=kind)
    return Record(ITEMS.name, 0, offset, sent.key, sent.value, sent.headers)


def event(item: str, *, event_id: str | None = None, text: str = "", trace: bytes | None = None) -> Event:
    value = encode(ItemNamed(item=item, text=text))
    of = Record(ITEMS.name, 0, 0, item.encode(), value, headers(event_id=event_id or item, trace=trace))
    return Event(of, read_envelope(of.headers))


@dataclass
class Shelf:
    """Takes items; what a transaction puts there is on it once the transaction is committed."""

    items: list[str] = field(default_factory=list)
    attempts: list[list[str]] = field(default_factory=list)
    fail_at_begin: list[Exception] = field(default_factory=list)
    fail_at_commit: list[Exception] = field(default_factory=list)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[list[str]]:
        if self.fail_at_begin:
            raise self.fail_at_begin.pop(0)
        work: list[str] = []
        self.attempts.append(work)
        yield work
        if self.fail_at_commit:
            raise self.fail_at_commit.pop(0)
        self.items += work


@dataclass
class Puts:
    """A handler: names in `fails` raise what they say when applied, those in `refuses` are dead letters of its own."""

    fails: Mapping[str, Callable[[], Exception]] = field(default_factory=dict)
    fails_to_prepare: Mapping[str, Callable[[], Exception]] = field(default_factory=dict)
    refuses: Collection[str] = ()
    prepared: list[list[str]] = field(default_factory=list)

    async def prepare(self, events: Sequence[Event], /) -> Sequence[Event | DeadLetter]:
        items = [event.decode(ItemNamed).item for event in events]
        self.prepared.append(items)
        for item in items:
            if item in self.fails_to_prepare:
                error = self.fails_to_prepare[item]()
                raise error
        pairs = zip(items, events, strict=True)
        return [DeadLetter(event.record, "refused") if item in self.refuses else event for item, event in pairs]

    async def apply(self, prepared: Sequence[Event], work: list[str], /) -> Sequence[DeadLetter]:
        for each in prepared:
            item = each.decode(ItemNamed).item
            if item in self.fails:
                error = self.fails[item]()
                raise error
            work.append(item)
        return []


@dataclass
class Complaints:
    """A handler for what is no event."""

    async def prepare(self, records: Sequence[Malformed]) -> Sequence[Malformed | DeadLetter]:
        return list(records)

    async def apply(self, prepared: Sequence[Malformed], work: list[str]) -> Sequence[DeadLetter]:
        work += [f"malformed: {each.detail}" for each in prepared]
        return []


@dataclass
class Letters:
    """A letter box that may be jammed."""

    written: list[DeadLetter] = field(default_factory=list)
    jammed: list[Exception] = field(default_factory=list)

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        if self.jammed:
            raise self.jammed.pop(0)
        self.written += letters

    async def close(self) -> None: ...


def subscribed(handler: Puts, malformed: Complaints | None = None) -> Subscription[list[str]]:
    return Subscription(ITEMS, {ItemNamed.ce_type: handler}, malformed)


async def until(what: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until it is so; a test that waits in vain fails."""
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - what is looked at tells nobody
            await asyncio.sleep(0.005)
