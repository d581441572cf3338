"""The relay's machine: two Relays on one outbox with its lock, between a database and a broker in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from chassis.database import DatabaseUnavailable
from chassis.health import Health
from chassis.messaging.clients import Message
from chassis.messaging.producer import Producer
from chassis.messaging.subscriptions import Partition, Record
from chassis.outbox.parking import UNANSWERED_SECONDS
from chassis.outbox.relay import Held, Relay, Sends
from chassis.testing.memory_broker import MemoryBroker, MemoryConnection
from chassis.testing.memory_store import MemoryStore
from chassis.testing.memory_tables import OUTBOX, MemoryHeldOutbox, StoredOutbox, hold_in_memory
from chassis.testing.simulation.world import Component, World
from tests.chassis.items import ITEMS, ItemNamed
from tests.simulation.consumer import KAFKA
from tests.simulation.trouble import broker_troubles, latency, owed_seconds, store_troubles

DRAINED_SECONDS = 90.0
SAID = "said"
KEYS = ("k1", "k2", "k3")


class Rollback(Exception):
    """The writer has changed its mind."""


class RelayMachine:
    """One history: writers say things in transactions, some of which are rolled back or committed late."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store, self.broker = MemoryStore(), MemoryBroker(*(Partition(ITEMS.name, number) for number in range(2)))
        self.broker.latency = self.store.latency = latency(world)
        self.writers: set[asyncio.Task[None]] = set()

    @classmethod
    async def story(cls, world: World) -> None:
        machine = cls(world)
        for name in ("relay-0", "relay-1"):
            world.keep(name, machine.service)
        machine.write(6)
        troubles = [
            *broker_troubles(world, machine.broker),
            *store_troubles(world, machine.store),
            machine.write_more,
            world.pause_somebody,
            world.restart_somebody,
        ]
        await world.suffer(troubles, most=6)
        if world.plan.calm:
            await world.until(machine.drained, DRAINED_SECONDS, "drained")
        world.heal()
        machine.broker.down = machine.store.away = False
        owed = owed_seconds(machine.broker, machine.store, UNANSWERED_SECONDS[1])
        await world.until(machine.drained, DRAINED_SECONDS + owed, "drained after the healing")
        await world.stop()
        machine.check()

    def service(self) -> Sequence[Component]:
        clock = self.world.clock
        return [Relay("unused", KAFKA, health=Health(clock), clock=clock, sender=self.sender(), holder=self.hold)]

    def sender(self) -> Sends:
        return Producer(lambda: MemoryConnection(self.broker))

    @asynccontextmanager
    async def hold(self, on_wake: Callable[[], None]) -> AsyncIterator[Held]:
        async with hold_in_memory(self.store, on_wake) as held:
            yield held

    def write(self, count: int) -> None:
        for _ in range(count):
            key = KEYS[len(self.writers) % len(KEYS)]
            self.writers.add(self.world.loop.create_task(self._say(key, f"{key} says {len(self.writers)}")))

    async def write_more(self) -> None:
        self.write(self.world.chance.randint(1, 6))

    async def _say(self, key: str, text: str) -> None:
        """Say something about a key, whose row is locked first, as whoever writes events has to do."""
        with contextlib.suppress(DatabaseUnavailable, Rollback):
            async with self.store.transaction() as transaction:
                await transaction.put("entity", key, text)
                outbox = StoredOutbox(transaction, source="tests", clock=self.world.clock)
                ce_id = await outbox.add(ItemNamed(item=key, text=text))
                await asyncio.sleep(0 if self.world.plan.calm else self.world.chance.choice((0, 0, 0.5, 8)))
                await transaction.append(SAID, [(key, str(ce_id))])
                if self.world.chance.random() < 0.2:
                    raise Rollback
            self.world.note(f"{text!r} is committed")

    def drained(self) -> bool:
        return all(writer.done() for writer in self.writers) and not self.store.tables[OUTBOX]

    def on_bus(self) -> list[Record]:
        return [record for records in self.broker.records.values() for record in records]

    def check(self) -> None:
        """All that was committed is on the bus, always the same, nothing else, per key in the order of the commits."""
        bus: dict[str, list[Record]] = {}
        for record in self.on_bus():
            bus.setdefault(dict(record.headers)["ce_id"].decode(), []).append(record)
        said = [row for _, row in sorted(self.store.tables[SAID].items())]
        if lost := [row for row in said if row[1] not in bus]:
            self.world.find(f"lost: {lost}")
        if bus.keys() - {ce_id for _, ce_id in said}:
            self.world.find("on the bus and never said")
        for ce_id, records in bus.items():
            if len({(each.key, each.value, each.headers) for each in records}) > 1:
                self.world.find(f"{ce_id} is not always the same")
        if not self.broker.refused:
            self._check_order(bus, said)
        copies = len(self.on_bus()) - len(bus)
        self.world.note(f"{len(bus)} events on the bus and {copies} copies")
        if copies and self.world.uneventful:
            self.world.find(f"{copies} copies although nothing went wrong")

    def _check_order(self, bus: dict[str, list[Record]], said: list[tuple[str, str]]) -> None:
        for key in KEYS:
            wanted = [ce_id for row_key, ce_id in said if row_key == key and ce_id in bus]
            if wanted != sorted(wanted, key=lambda ce_id: bus[ce_id][0].offset):
                self.world.find(f"{key} is out of order")


class AnswersTooSoon:
    """A broken sender: says yes before the broker has."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._sending: set[asyncio.Task[Any]] = set()

    async def send(self, messages: Sequence[Message]) -> list[bool]:
        task = asyncio.create_task(self._producer.send(messages))
        self._sending.add(task)
        await asyncio.sleep(0)
        return [True] * len(messages)

    async def close(self) -> None:
        await self._producer.close()


class ForgetsBeforeTheAnswer(RelayMachine):
    def sender(self) -> Sends:
        return AnswersTooSoon(Producer(lambda: MemoryConnection(self.broker)))


class Unlocked(MemoryHeldOutbox):
    """A broken outbox: whoever asks is the active relay."""

    async def try_lock(self) -> bool:
        await self._session.statement()
        return True


class HasNoLock(RelayMachine):
    @asynccontextmanager
    async def hold(self, on_wake: Callable[[], None]) -> AsyncIterator[Held]:
        async with hold_in_memory(self.store, on_wake, Unlocked) as held:
            yield held
