import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from chassis.clock import SystemClock
from chassis.health import Health
from chassis.messaging.clients import Message
from chassis.messaging.producer import Answer
from chassis.outbox.held import LeftOut, Waiting
from chassis.outbox.progress import REACH_BACK, Progress
from chassis.outbox.relay import Held, Relay
from chassis.settings import KafkaSettings
from chassis.testing.frozen_clock import FrozenClock
from tests.chassis.items import until


class Table:
    """An outbox in memory that fails as often as it is told."""

    def __init__(self, *ids: int) -> None:
        self.rows = {number: Waiting(number, 5.0, Message("t", b"k", str(number).encode())) for number in ids}
        self.failures: list[Exception] = []
        self.locked_by_another = 0
        self.sessions = 0
        self.reads: list[int] = []

    @asynccontextmanager
    async def hold(self, _on_wake: Callable[[], None]) -> AsyncIterator[Held]:
        self.sessions += 1
        yield self

    async def try_lock(self) -> bool:
        self.locked_by_another -= 1
        return self.locked_by_another < 0

    async def read(self, after: int, *, rows: int, size: int, besides: LeftOut) -> list[Waiting]:
        if self.failures:
            raise self.failures.pop(0)
        assert size > 0
        self.reads.append(after)
        there = (self.rows[number] for number in sorted(self.rows) if number > after)
        return [row for row in there if row.message.topic not in besides.topics and row.id not in besides.ids][:rows]

    async def forget(self, ids: Sequence[int]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        for number in ids:
            del self.rows[number]


class Bus:
    """Takes what is sent unless it is told not to answer."""

    def __init__(self) -> None:
        self.sent: list[bytes | None] = []
        self.unanswered: set[bytes] = set()
        self.closed = False

    async def send(self, messages: Sequence[Message]) -> Sequence[Answer | bool]:
        await asyncio.sleep(0)
        self.sent += [message.value for message in messages]
        return [message.value not in self.unanswered for message in messages]

    async def close(self) -> None:
        self.closed = True


@asynccontextmanager
async def relaying(table: Table, bus: Bus) -> AsyncIterator[Relay]:
    kafka = KafkaSettings(kafka_bootstrap="nowhere:1")
    relay = Relay("unused", kafka, health=Health(), clock=SystemClock(), sender=bus, holder=table.hold)
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        relay.stop()
        async with asyncio.timeout(5):
            await task


async def test_rows_are_sent_in_order_and_forgotten() -> None:
    """What was acknowledged is deleted, nothing is sent twice."""
    table, bus = Table(3, 1, 2), Bus()
    async with relaying(table, bus):
        await until(lambda: not table.rows)
    assert bus.sent == [b"1", b"2", b"3"]
    assert bus.closed


async def test_what_was_not_acknowledged_stays_and_is_sent_again() -> None:
    """A send without an answer deletes nothing."""
    table, bus = Table(1, 2), Bus()
    bus.unanswered = {b"1", b"2"}
    async with relaying(table, bus):
        await until(lambda: len(bus.sent) >= 4)
        assert set(table.rows) == {1, 2}
        bus.unanswered = set()
        await until(lambda: not table.rows)


async def test_a_failed_delete_ends_the_session_and_repeats_the_send() -> None:
    """The connection with the lock is gone; a new one begins from what is still there."""
    table, bus = Table(1), Bus()

    class Breaks(Bus):
        async def send(self, messages: Sequence[Message]) -> Sequence[Answer | bool]:
            if not self.sent:
                table.failures.append(ConnectionResetError())
            return await super().send(messages)

    bus = Breaks()
    async with relaying(table, bus):
        await until(lambda: not table.rows)
    assert bus.sent == [b"1", b"1"]
    assert table.sessions == 2


async def test_a_failed_read_is_outlived() -> None:
    """Whatever the database says, the relay comes back."""
    table, bus = Table(1), Bus()
    table.failures = [OSError("gone"), KeyError("odd")]
    async with relaying(table, bus):
        await until(lambda: not table.rows)
    assert table.sessions == 3


async def test_a_standby_sends_nothing() -> None:
    """Without the lock no row is read."""
    table, bus = Table(1), Bus()
    table.locked_by_another = 1000
    async with relaying(table, bus):
        await asyncio.sleep(0.05)
    assert (table.reads, bus.sent) == ([], [])


def row(number: int, age: float = 0.0) -> Waiting:
    return Waiting(number, age, Message("t", b"k", b""))


def test_reading_reaches_back_and_sweeps_now_and_then() -> None:
    """The first read is a sweep, later ones begin behind the highest id forgotten, and a sweep is due again in time."""
    clock = FrozenClock()
    progress = Progress(clock)
    with progress.reading() as after:
        assert after == 0
    progress.forgotten([row(REACH_BACK + 500)])
    with progress.reading() as after:
        assert after == 500
    clock.advance(timedelta(seconds=1.1))
    with progress.reading() as after:
        assert after == 0


def test_slow_sweeps_are_rare() -> None:
    """The longer the dead rows make a sweep, the rarer it is: it takes a twentieth of the time."""
    clock = FrozenClock()
    progress = Progress(clock)
    progress.forgotten([row(10_000)])
    with progress.reading():
        clock.advance(timedelta(seconds=1))
    clock.advance(timedelta(seconds=19))
    with progress.reading() as after:
        assert after > 0
    clock.advance(timedelta(seconds=1))
    with progress.reading() as after:
        assert after == 0


def test_a_relay_that_slept_through_a_sweep_sweeps_again_soon() -> None:
    """Its own sleep (SIGSTOP, a frozen machine) does not count twenty times."""
    clock = FrozenClock()
    progress = Progress(clock)
    progress.forgotten([row(10_000)])
    with progress.reading():
        clock.advance(timedelta(hours=1))
    clock.advance(timedelta(minutes=1))
    with progress.reading() as after:
        assert after == 0


def test_rows_that_stay_are_read_again_from_the_start() -> None:
    """After a failure the next read is a sweep."""
    progress = Progress(FrozenClock())
    with progress.reading():
        pass
    progress.forgotten([row(10_000)])
    progress.sweep_next()
    with progress.reading() as after:
        assert after == 0
