"""The consumer's machine: the chassis' Consumer with inbox and outbox, between a broker and a database in memory."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.health import Health
from chassis.inbox.deduplicate import InboxMemory
from chassis.messaging.clients import Message
from chassis.messaging.consumer import Consumer
from chassis.messaging.dead_letters import DeadLetters
from chassis.messaging.producer import Producer
from chassis.messaging.subscriptions import DeadLetter, Event, Partition, Record, Subscription
from chassis.outbox.record import OutboxWriter
from chassis.settings import KafkaSettings
from chassis.testing.memory_broker import MemoryBroker, MemoryConnection, MemoryMember
from chassis.testing.memory_store import MemoryStore, MemoryTransaction
from chassis.testing.memory_tables import INBOX, OUTBOX, StoredInbox, StoredOutbox
from chassis.testing.simulation.world import Component, World
from kundenportal_contracts.envelope import encode
from tests.chassis.items import ITEMS, ItemLost, ItemNamed, headers
from tests.simulation.trouble import broker_troubles, latency, owed_seconds, store_troubles

KAFKA = KafkaSettings(kafka_bootstrap="nowhere:1")
PARTITIONS = [Partition(ITEMS.name, number) for number in range(2)]
LETTERS = "tests.dead-letters.v1"
FILED = "filed"
DRAINED_SECONDS = 90.0
KEYS = (b"k1", b"k2", b"k3")


@dataclass(frozen=True, slots=True)
class Work:
    transaction: MemoryTransaction
    inbox: InboxMemory
    outbox: OutboxWriter


class FilesItems:
    """Files each item and says so; `poison…` breaks it, `refused…` is a dead letter of its own."""

    def __init__(self, world: World) -> None:
        self._pause = latency(world)

    async def prepare(self, events: Sequence[Event], /) -> Sequence[Event | DeadLetter]:
        await asyncio.sleep(self._pause())
        return [DeadLetter(each.record, "refused") if _item(each).startswith("refused") else each for each in events]

    async def apply(self, prepared: Sequence[Event], work: Work, /) -> Sequence[DeadLetter]:
        for event in prepared:
            if _item(event).startswith("poison"):
                raise KeyError(_item(event))
        answers = await work.inbox.seen(prepared)
        new = [event for event, answer in zip(prepared, answers, strict=True) if answer == "new"]
        await self.file(new, work)
        await work.inbox.take(new)
        reused = [event for event, answer in zip(prepared, answers, strict=True) if answer == "reused"]
        return [DeadLetter(event.record, "event_id_reused") for event in reused]

    async def file(self, new: Sequence[Event], work: Work) -> None:
        await work.transaction.append(FILED, [(event.record.key, _item(event)) for event in new])
        await work.outbox.add_all([ItemLost(item=_item(event)) for event in new])


class FilesWithoutInbox(FilesItems):
    """A broken build: nobody asks what took effect already."""

    async def apply(self, prepared: Sequence[Event], work: Work, /) -> Sequence[DeadLetter]:
        for event in prepared:
            if _item(event).startswith("poison"):
                raise KeyError(_item(event))
        await self.file(prepared, work)
        return []


class CommitsFirst(MemoryMember):
    """A broken build: what was polled is acknowledged at once, before it took effect."""

    async def poll(self, partition: Partition, *, seconds: float, max_records: int) -> list[Record]:
        records = await super().poll(partition, seconds=seconds, max_records=max_records)
        if records:
            await self.commit(partition, records[-1].offset + 1)
        return records


class ConsumerMachine:
    """One history: some records, one or two services, and whatever the plan brings."""

    kinds: ClassVar[tuple[str, ...]] = (
        "item",
        "poison",
        "item",
        "item",
        "refused",
        "again",
        "reused",
        "odd",
        "unknown",
    )
    handler: ClassVar[type[FilesItems]] = FilesItems
    member: ClassVar[type[MemoryMember]] = MemoryMember

    def __init__(self, world: World) -> None:
        self.world = world
        self.store, self.broker = MemoryStore(), MemoryBroker(*PARTITIONS)
        self.broker.latency = self.store.latency = latency(world)
        self.broker.on_commit = self._committed
        self.expected: dict[tuple[int, int], str] = {}
        """By partition and offset: "filed", "nothing", or the reason of a dead letter."""
        self.filed: dict[bytes, list[str]] = {key: [] for key in KEYS}

    @classmethod
    async def story(cls, world: World) -> None:
        machine = cls(world)
        machine.say(9)
        for number in range(world.rivals):
            world.keep(f"service-{number}", machine.service)
        troubles = [
            *broker_troubles(world, machine.broker),
            *store_troubles(world, machine.store),
            machine.rebalance,
            machine.say_more,
            world.pause_somebody,
            world.restart_somebody,
        ]
        await world.suffer(troubles)
        if world.plan.calm:
            await world.until(machine.drained, DRAINED_SECONDS, "drained")
        world.heal()
        machine.broker.down = machine.store.away = machine.broker.fails_members = False
        owed = owed_seconds(machine.broker, machine.store)
        await world.until(machine.drained, DRAINED_SECONDS + owed, "drained after the healing")
        await world.stop()
        machine.check()

    def service(self) -> Sequence[Component]:
        world, broker = self.world, self.broker
        return [
            Consumer(
                KAFKA,
                group="tests",
                subscriptions=[Subscription(ITEMS, {ItemNamed.ce_type: self.handler(world)})],
                database=self.store,
                work=self._work,
                dead_letters=DeadLetters(KAFKA, "tests", sender=Producer(lambda: MemoryConnection(broker))),
                health=Health(world.clock),
                clock=world.clock,
                connect=self._connect,
            )
        ]

    def _work(self, connection: AsyncConnection) -> Work:
        transaction = cast("MemoryTransaction", connection)
        return Work(
            transaction,
            StoredInbox(transaction),
            StoredOutbox(transaction, source="tests", clock=self.world.clock),
        )

    def _connect(self, _kafka: KafkaSettings, /, *, group: str, topics: Collection[str], **told: Any) -> MemoryMember:
        return self.member(self.broker, self.broker.group(group), topics, **told)

    def say(self, count: int) -> None:
        """Records of all kinds, in an order of the history's own."""
        for _ in range(count):
            said = len(self.expected)
            place = said % len(self.kinds) if self.world.plan.calm else self.world.chance.randrange(len(self.kinds))
            kind = self.kinds[place]
            self._say(kind, f"{kind}-{said}", KEYS[said % len(KEYS)])

    def _say(self, kind: str, item: str, key: bytes) -> None:
        earlier = self.filed[key]
        event_id, expected = item, {"poison": "handler_failed", "refused": "refused"}.get(kind, "filed")
        told = headers(event_id=item)
        if kind in {"again", "reused"} and earlier:
            event_id = earlier[-1]
            told = headers(event_id=event_id)
            item = event_id if kind == "again" else item
            expected = "nothing" if kind == "again" else "event_id_reused"
        elif kind == "odd":
            told, expected = (), "malformed_event"
        elif kind == "unknown":
            told, expected = headers("tests.Unheard.v1"), "nothing"
        record = self.broker.append(Message(ITEMS.name, key, encode(ItemNamed(item=item)), told))
        self.expected[record.partition, record.offset] = expected
        if expected == "filed":
            earlier.append(item)

    async def say_more(self) -> None:
        self.say(self.world.chance.randint(1, 4))

    async def rebalance(self) -> None:
        """A third member comes, and goes without having read anything."""
        if not self.broker.down:
            seat = self.broker.connect(
                KAFKA, group="tests", topics=[ITEMS.name], on_assigned=lambda _: None, on_revoked=_nothing
            )
            joining = asyncio.ensure_future(seat.start())
            await asyncio.wait({joining}, timeout=30)
            joining.cancel()
            await seat.close(1)

    def drained(self) -> bool:
        committed = self.broker.group("tests").committed
        return all(committed.get(each, 0) == self.broker.log(each).end for each in PARTITIONS)

    def _committed(self, partition: Partition, offset: int) -> None:
        """What is acknowledged must have had its effect by then."""
        self.world.note(f"{partition.topic}/{partition.number} acknowledged up to {offset}")
        inbox, letters = self.store.tables[INBOX], self._letters()
        for record in self.broker.log(partition).records[:offset]:
            place = (record.partition, record.offset)
            expected = self.expected[place]
            known = ("tests/items", dict(record.headers).get("ce_id", b"").decode()) in inbox
            if expected == "filed" and not known and self.handler is FilesItems:
                self.world.find(f"{place} was acknowledged before it took effect")
            if expected not in {"filed", "nothing"} and expected not in letters.get(place, []):
                self.world.find(f"{place} was acknowledged before its dead letter was written")

    def _letters(self) -> dict[tuple[int, int], list[str]]:
        written: dict[tuple[int, int], list[str]] = {}
        for partition in self.broker.partitions(LETTERS):
            for record in self.broker.log(partition).records:
                told = {name: value.decode() for name, value in record.headers if name.startswith("dlq_")}
                place = (int(told["dlq_partition"]), int(told["dlq_offset"]))
                written.setdefault(place, []).append(told["dlq_reason"])
        return written

    def check(self) -> None:
        """Nothing lost, nothing doubled, in order, each bad record a dead letter and nothing else one."""
        rows = [row for _, row in sorted(self.store.tables[FILED].items())]
        for key, items in self.filed.items():
            there = [item for row_key, item in rows if row_key == key]
            if there != items:
                self.world.find(f"key {key!r}: filed {there}, expected {items}")
        said = sorted(row.key for row in self.store.tables[OUTBOX].values())
        if said != sorted(item for items in self.filed.values() for item in items):
            self.world.find(f"said {said}")
        letters = self._letters()
        bad = {place: reason for place, reason in self.expected.items() if reason not in {"filed", "nothing"}}
        told = {place: next(iter(set(reasons))) for place, reasons in letters.items() if len(set(reasons)) == 1}
        if told != bad:
            self.world.find(f"dead letters {letters}, expected {bad}")


class AcknowledgesFirst(ConsumerMachine):
    member = CommitsFirst


class HasNoInbox(ConsumerMachine):
    kinds = ("item", "poison", "refused", "odd", "unknown")
    handler = FilesWithoutInbox


async def _nothing() -> None:
    return


def _item(event: Event) -> str:
    return event.decode(ItemNamed).item
