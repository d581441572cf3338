"""The consumer's histories: it crashes before and after every single call to something outside, and comes back."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from chassis.messaging.partition import PartitionWorker
from chassis.messaging.settle import Settler
from chassis.messaging.subscriptions import DeadLetter, Event, Partition, Record
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.memory_inbox import MemoryInbox
from tests.chassis.items import ITEMS, ItemNamed, record, subscribed

PARTITION = Partition(ITEMS.name, 0)
NAMES = ["a", "b", "poison", "c", "refused", "d", "a", "e"]
FILED = ["a", "b", "c", "d", "e"]


class Crash(BaseException):
    """The process is gone: nothing after it runs."""


@dataclass
class World:
    """What outlives a crash: the topic, the committed offset, the table, the inbox, the dead letters."""

    crash_at: int
    records: list[Record] = field(default_factory=lambda: [record(name, offset) for offset, name in enumerate(NAMES)])
    committed: int = 0
    filed: list[str] = field(default_factory=list)
    taken: dict[tuple[str, str], bytes] = field(default_factory=dict)
    letters: list[int] = field(default_factory=list)
    calls: int = 0
    failures: Iterator[Exception | None] = field(default_factory=lambda: iter(()))

    async def step(self) -> None:
        """A moment at which the process may end."""
        self.calls += 1
        if self.calls == self.crash_at:
            raise Crash
        await asyncio.sleep(0)

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        await self.step()
        self.letters += [letter.record.offset for letter in letters]
        await self.step()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["Work"]:
        work = Work(MemoryInbox(dict(self.taken)), list(self.filed))
        await self.step()
        yield work
        await self.step()
        self.taken, self.filed = work.inbox.taken, work.filed
        await self.step()


@dataclass
class Work:
    inbox: MemoryInbox
    filed: list[str]


class Process:
    """What a crash ends: the position in the topic and everything in memory."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._position = world.committed
        self.worker = PartitionWorker(
            PARTITION,
            subscribed(FilesOnce(world)),  # type: ignore[arg-type] # another kind of work than the shelf's
            source=self,
            settler=Settler(begin=world.begin, letter_box=world, clock=FrozenClock(), permits=asyncio.Semaphore(1)),
            clock=FrozenClock(),
            waits=lambda: iter(lambda: 0.0, 1.0),
        )

    async def poll(self, _partition: Partition, *, seconds: float, max_records: int) -> list[Record]:
        assert seconds > 0
        assert max_records > 0
        if self._position == len(self._world.records):
            self.worker.drain()
            return []
        start, self._position = self._position, min(self._position + 5, len(self._world.records))
        return self._world.records[start : self._position]

    async def commit(self, _partition: Partition, offset: int) -> None:
        await self._world.step()
        self._world.committed = offset
        await self._world.step()


@dataclass
class FilesOnce:
    world: World

    async def prepare(self, events: Sequence[Event], /) -> Sequence[Event | DeadLetter]:
        await self.world.step()
        return [
            DeadLetter(event.record, "refused") if event.decode(ItemNamed).item == "refused" else event
            for event in events
        ]

    async def apply(self, prepared: Sequence[Event], work: Work, /) -> Sequence[DeadLetter]:
        answers = await work.inbox.seen(prepared)
        for event, answer in zip(prepared, answers, strict=True):
            item = event.decode(ItemNamed).item
            if item == "poison":
                raise KeyError(item)
            if answer == "new":
                work.filed.append(item)
        await self.world.step()
        if failure := next(self.world.failures, None):
            raise failure
        await work.inbox.take(prepared)
        return []


async def live(world: World) -> int:
    """Start processes until one comes to the end; how many died."""
    for deaths in count():
        try:
            await Process(world).worker.run()
        except Crash:
            continue
        return deaths
    raise AssertionError


async def test_a_crash_at_any_moment_loses_and_doubles_nothing() -> None:
    """Whatever the moment: each item is filed once, in order, each bad record is a dead letter, all is acknowledged."""
    for crash_at in count(1):
        world = World(crash_at)
        deaths = await live(world)
        assert world.filed == FILED
        assert set(world.letters) == {2, 4}
        assert world.committed == len(NAMES)
        if not deaths:
            break
    assert crash_at > 20


async def test_trouble_and_crashes_together_lose_and_double_nothing() -> None:
    """Passing trouble in any attempt and a crash at any moment after or before it."""
    for trouble_at in range(8):
        for crash_at in range(1 + trouble_at % 2, 60, 2):
            world = World(crash_at)
            world.failures = iter([*[None] * trouble_at, ConnectionResetError()])
            await live(world)
            assert (world.filed, set(world.letters), world.committed) == (FILED, {2, 4}, len(NAMES))
