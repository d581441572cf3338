import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import SystemClock
from chassis.health import Health
from chassis.messaging.consumer import Consumer
from chassis.messaging.retry import TryAgain
from chassis.messaging.subscriptions import DeadLetter, Event, Partition, Subscription
from chassis.settings import KafkaSettings
from chassis.testing.memory_broker import MemoryBroker
from chassis.testing.simulation.loop import simulate
from tests.chassis.items import ITEMS, ItemNamed, Letters, Puts, Shelf, message, until

PARTITIONS = [Partition(ITEMS.name, number) for number in range(3)]
KAFKA = KafkaSettings(kafka_bootstrap="nowhere:1")


class ShelfDatabase:
    """A database whose connection is what the shelf takes in a transaction."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    @asynccontextmanager
    async def service_transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self.shelf.begin() as work:
            yield cast("AsyncConnection", work)


class Bench:
    """A consumer between a broker and a shelf in memory."""

    def __init__(self, handler: Puts) -> None:
        self.broker, self.shelf, self.letters = MemoryBroker(*PARTITIONS), Shelf(), Letters()
        self.health = Health()
        self.consumer: Consumer[Any] = Consumer(
            KAFKA,
            group="tests",
            subscriptions=[Subscription(ITEMS, {ItemNamed.ce_type: handler})],
            database=ShelfDatabase(self.shelf),
            work=lambda connection: connection,
            dead_letters=self.letters,
            health=self.health,
            clock=SystemClock(),
            drain_seconds=0.2,
            connect=self.broker.connect,
        )

    def send(self, *items: str, number: int = 0) -> None:
        for item in items:
            self.broker.append(message(item), number)

    async def until(self, *items: str) -> None:
        await until(lambda: sorted(self.shelf.items) == sorted(items))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.consumer.run())
        try:
            yield
        finally:
            self.consumer.stop()
            async with asyncio.timeout(5):
                await task


async def test_records_take_effect_and_are_acknowledged_after_it() -> None:
    """Every partition is consumed from the start; the offset is the one after the last effect."""
    bench = Bench(Puts())
    bench.send("a", "b")
    bench.send("c", number=2)
    async with bench.running():
        await bench.until("a", "b", "c")
        bench.send("d")
        await bench.until("a", "b", "c", "d")
    assert bench.broker.committed == {PARTITIONS[0]: 3, PARTITIONS[2]: 1}
    assert bench.broker.members[0].closed


async def test_a_partition_that_waits_holds_up_no_other() -> None:
    """Trouble with one partition's records leaves the others going; its own order is kept."""
    trouble = {"a": lambda: TryAgain("store")}
    bench = Bench(Puts(fails=trouble))
    bench.send("a", "b")
    async with bench.running():
        bench.send("c", "d", number=1)
        await bench.until("c", "d")
        assert bench.broker.committed == {PARTITIONS[1]: 2}
        trouble.clear()
        await bench.until("a", "b", "c", "d")
    assert bench.shelf.items[-2:] == ["a", "b"]


async def test_poison_never_blocks_a_partition() -> None:
    """The record behind the poison takes effect and both are acknowledged."""
    bench = Bench(Puts(fails={"bad": KeyError}))
    bench.send("bad", "good")
    async with bench.running():
        await bench.until("good")
    assert bench.broker.committed == {PARTITIONS[0]: 2}
    assert [letter.record.key for letter in bench.letters.written] == [b"bad"]


async def test_what_waits_at_a_rebalance_is_dropped_and_comes_again() -> None:
    """A batch in back-off is given up with its partition and read anew from the committed offset."""
    trouble = {"b": lambda: TryAgain("store")}
    bench = Bench(Puts(fails=trouble))
    bench.send("a")
    async with bench.running():
        await bench.until("a")
        bench.send("b")
        await until(lambda: len(bench.shelf.attempts) >= 3)
        trouble.clear()
        await bench.broker.members[0].rebalance()
        await bench.until("a", "b")
    assert bench.broker.committed == {PARTITIONS[0]: 2}


class Hangs(Puts):
    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def apply(self, prepared: Sequence[Event], work: list[str], /) -> Sequence[DeadLetter]:
        self.reached.set()
        await asyncio.sleep(60)
        return await super().apply(prepared, work)


@pytest.mark.parametrize("down", [False, True])
async def test_a_handler_that_hangs_is_cut_off_and_nothing_acknowledged(down: bool) -> None:
    """Stopping does not wait for a handler of 60 s, with or without the broker."""
    handler = Hangs()
    bench = Bench(handler)
    bench.send("a")
    async with bench.running():
        await handler.reached.wait()
        bench.broker.down = down
    assert (bench.broker.committed, bench.shelf.items) == ({}, [])


async def test_a_broker_that_is_not_there_yet_is_waited_for() -> None:
    """The consumer starts without a broker, shows that it lives, and goes to work when there is one."""
    bench = Bench(Puts())
    bench.broker.down = True
    bench.send("a")
    async with bench.running():
        await until(lambda: len(bench.broker.members) > 2)
        assert bench.health.alive()
        bench.broker.down = False
        await bench.until("a")


async def test_a_broker_that_goes_and_comes_back_is_rejoined() -> None:
    """After an outage a new membership goes on where the last acknowledgement was."""
    bench = Bench(Puts())
    bench.send("a")
    async with bench.running():
        await bench.until("a")
        bench.broker.down = True
        await asyncio.sleep(0.1)
        bench.broker.down = False
        bench.send("b")
        await bench.until("a", "b")
    assert bench.broker.committed == {PARTITIONS[0]: 2}
    assert all(member.closed for member in bench.broker.members)


def test_an_unacknowledged_batch_is_acknowledged_later() -> None:
    """Where the commit of the offset fails the effect stands, and the offset follows without another record."""

    async def scenario() -> None:
        bench = Bench(Puts())
        bench.broker.refuse_commits = 2
        bench.send("a")
        async with bench.running():
            await bench.until("a")
            await until(lambda: bool(bench.broker.committed))
        assert bench.shelf.items == ["a"]

    simulate(scenario())


def test_the_counters_of_a_topic_are_there_before_anything_happens() -> None:
    """A dead letter that is the first one is an increase, too."""
    Bench(Puts())
    labels = {"topic": ITEMS.name, "reason": "foreign_source"}
    assert REGISTRY.get_sample_value("kundenportal_dead_letters_total", labels) == 0


async def test_one_topic_has_one_subscription() -> None:
    """Two subscriptions of one topic are a mistake in the wiring."""
    with pytest.raises(ValueError, match="one subscription"):
        Consumer(
            KAFKA,
            group="tests",
            subscriptions=[Subscription[Any](ITEMS), Subscription[Any](ITEMS)],
            database=ShelfDatabase(Shelf()),
            work=lambda connection: connection,
            dead_letters=Letters(),
            health=Health(),
            clock=SystemClock(),
        )
