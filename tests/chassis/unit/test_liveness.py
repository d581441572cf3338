import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
from prometheus_client import REGISTRY

from chassis.clock import SystemClock
from chassis.health import Health, management_app
from chassis.lifecycle.heartbeat import beat
from chassis.messaging.clients import Message, Place
from chassis.messaging.lag import LagWatch
from chassis.messaging.producer import Answer
from chassis.messaging.retry import TryAgain
from chassis.messaging.subscriptions import Partition
from chassis.outbox.relay import Relay
from chassis.testing.frozen_clock import FrozenClock
from tests.chassis.items import ITEMS, Puts, until
from tests.chassis.unit.test_messaging_consumer import KAFKA, Bench
from tests.chassis.unit.test_outbox_relay import Bus, Table

SILENT = timedelta(seconds=46)


async def alive(health: Health) -> int:
    """The status that a probe sees."""
    transport = httpx2.ASGITransport(app=management_app(health))
    async with httpx2.AsyncClient(transport=transport, base_url="http://management") as client:
        return (await client.get("/alive")).status_code


async def alive_again(clock: FrozenClock, health: Health) -> bool:
    """Whether it beats once more after a long silence of the clock."""
    clock.advance(SILENT)
    await until(health.alive, 5)
    return await alive(health) == 200


class Deaf:
    """A member whose broker's client is stuck for good."""

    def __init__(self, member: Any) -> None:
        self._member = member

    def __getattr__(self, name: str) -> Any:
        return getattr(self._member, name)

    async def touch(self) -> None:
        await asyncio.Event().wait()


async def test_a_consumer_whose_loop_hangs_is_not_alive() -> None:
    """/alive turns to 503 once its loop has not come round for so long."""
    clock = FrozenClock()
    bench = Bench(Puts())
    bench.consumer._health = health = Health(clock)
    connect = bench.consumer._connect
    bench.consumer._connect = lambda *given, **named: Deaf(connect(*given, **named))
    task = asyncio.create_task(bench.consumer.run())
    await until(lambda: "consumer" in health._beats)
    assert await alive(health) == 200
    clock.advance(SILENT)
    assert await alive(health) == 503
    task.cancel()
    await asyncio.wait({task}, timeout=5)


async def test_a_consumer_that_pauses_is_alive() -> None:
    """Batches that are postponed again and again, and a broker that is away, are no reason to be killed."""
    clock = FrozenClock()
    bench = Bench(Puts(fails={"a": lambda: TryAgain("store")}))
    bench.consumer._health = health = Health(clock)
    bench.send("a")
    async with bench.running():
        await until(lambda: len(bench.shelf.attempts) > 1)
        bench.broker.down = True
        assert await alive_again(clock, health)


class Stuck(Bus):
    async def send(self, messages: Sequence[Message]) -> Sequence[Answer | bool]:
        self.sent += [message.value for message in messages]
        await asyncio.Event().wait()
        return []


@asynccontextmanager
async def relaying(table: Table, bus: Bus, health: Health) -> AsyncIterator[None]:
    relay = Relay("unused", KAFKA, health=health, clock=SystemClock(), sender=bus, holder=table.hold)
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=5)


async def test_a_relay_whose_loop_hangs_is_not_alive() -> None:
    """A send that never ends shows."""
    clock, bus = FrozenClock(), Stuck()
    health = Health(clock)
    async with relaying(Table(1), bus, health):
        await until(lambda: bool(bus.sent))
        clock.advance(SILENT)
        assert await alive(health) == 503


async def test_a_relay_that_stands_by_or_cannot_send_is_alive() -> None:
    """Waiting for the lock and rows that stay are no reason to be killed."""
    clock, table, bus = FrozenClock(), Table(1), Bus()
    health, table.locked_by_another, bus.unanswered = Health(clock), 2, {b"1"}
    async with relaying(table, bus, health):
        await until(lambda: "outbox_relay" in health._beats)
        assert await alive_again(clock, health)
        await until(lambda: len(bus.sent) > 1, 5)
        assert await alive_again(clock, health)


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_a_stall_of_the_event_loop_is_measured() -> None:
    """Code that holds the loop up shows as the longest stall, within a tick."""
    task = asyncio.create_task(beat(Health()))
    await asyncio.sleep(0.05)
    time.sleep(0.2)  # noqa: ASYNC251 - the fault
    await asyncio.sleep(0.05)
    task.cancel()
    assert 0.15 < (sample("kundenportal_event_loop_longest_stall_seconds") or 0) < 1


class Worker:
    def __init__(self, number: int) -> None:
        self.partition = Partition(ITEMS.name, number)
        self.reached: int | None = None
        self.busy = False


async def test_the_lag_is_there_from_the_start_and_grows_while_a_partition_pauses() -> None:
    """What nobody has read yet counts, so does what arrives while a batch waits; a partition given away is not shown."""
    idle, paused = Worker(0), Worker(1)
    paused.reached, paused.busy = 40, True
    ends = {idle.partition: 12, paused.partition: 50}
    watch = LagWatch(lambda: [idle, paused])  # type: ignore[list-item]

    async def places(partitions: Any) -> dict[Partition, Place]:
        return {partition: Place(ends[partition], 5) for partition in partitions}

    def lag(number: str) -> float | None:
        return sample("kundenportal_consumer_lag", topic=ITEMS.name, partition=number)

    task = asyncio.create_task(watch.run(places))
    await until(lambda: lag("0") == 7)
    assert lag("1") == 10
    task.cancel()
    ends[paused.partition] = 60
    task = asyncio.create_task(watch.run(places))
    await until(lambda: lag("1") == 20)
    task.cancel()
    watch.look()
    await asyncio.sleep(0.05)
    watch.look()
    assert 0.04 < (sample("kundenportal_batch_oldest_seconds") or 0) < 5
    watch.forget()
    assert lag("1") is None
