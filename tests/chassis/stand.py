"""A small service for the messaging tests: a table of items, the chassis' outbox and inbox, a consumer and a relay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self
from uuid import UUID, uuid5

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.health import Health
from chassis.inbox.deduplicate import Inbox
from chassis.inbox.table import create_inbox
from chassis.messaging.clients import Message
from chassis.messaging.consumer import Consumer
from chassis.messaging.dead_letters import DeadLetters
from chassis.messaging.producer import producer
from chassis.messaging.subscriptions import DeadLetter, Event, Record, Subscription
from chassis.outbox.record import Outbox, Outgoing
from chassis.outbox.relay import Relay
from chassis.outbox.table import create_outbox
from chassis.settings import KafkaSettings
from kundenportal_contracts.topics import Topic, dead_letters
from tests.chassis.items import ITEMS, ItemLost, ItemNamed

NAMESPACE = UUID(int=1)
DEAD_LETTERS = dead_letters("tests")


class Runs(Protocol):
    async def run(self) -> None: ...

    def stop(self) -> None: ...


@dataclass
class Work:
    conn: AsyncConnection
    inbox: Inbox
    outbox: Outbox


@dataclass
class FilesItems:
    """Files each item once, says it is lost; an item called `poison…` breaks a rule of the table."""

    slow: float = 0.0
    batches: list[int] = field(default_factory=list)

    async def prepare(self, events: Sequence[Event], /) -> Sequence[tuple[Event, ItemNamed] | DeadLetter]:
        return [(event, event.decode(ItemNamed)) for event in events]

    async def apply(self, prepared: Sequence[tuple[Event, ItemNamed]], work: Work, /) -> Sequence[DeadLetter]:
        answers = await work.inbox.seen([event for event, _ in prepared])
        new = [pair for pair, answer in zip(prepared, answers, strict=True) if answer == "new"]
        self.batches.append(len(new))
        items = [data.item for _, data in new]
        await work.conn.exec_driver_sql("INSERT INTO item SELECT * FROM unnest($1::text[])", (items,))
        await work.inbox.take([event for event, _ in new])
        said = [
            Outgoing(ItemLost(item=data.item), event_id=uuid5(NAMESPACE, event.id), caused_by=event)
            for event, data in new
        ]
        await work.outbox.add_all(said)
        await asyncio.sleep(self.slow)
        return []


class Stand:
    """Its parts by name; what `running` started ends with it."""

    def __init__(self, dsn: str, bootstrap: str) -> None:
        self.dsn = dsn
        self.kafka = KafkaSettings(kafka_bootstrap=bootstrap)
        self.group = dsn.rpartition("/")[2]
        self.handler = FilesItems()
        self.health = Health()
        self.database = Database(dsn, pool_size=4, application_name="tests")

    async def __aenter__(self) -> Self:
        async with self.database.service_transaction() as conn:
            statements: list[str] = []
            create_outbox(Collector(statements))
            create_inbox(Collector(statements))
            statements.append("CREATE TABLE item (item text PRIMARY KEY CHECK (item NOT LIKE 'poison%'))")
            for statement in statements:
                await conn.exec_driver_sql(statement)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.database.close()

    def consumer(self, *, drain_seconds: float = 7, instance: str | None = None) -> Consumer[Work]:
        clock = SystemClock()
        kafka = self.kafka.model_copy(update={"group_instance_id": instance})
        return Consumer(
            kafka,
            group=self.group,
            subscriptions=[Subscription(ITEMS, {ItemNamed.ce_type: self.handler})],
            database=self.database,
            work=lambda conn: Work(conn, Inbox(conn), Outbox(conn, source="tests", clock=clock)),
            dead_letters=DeadLetters(self.kafka, "tests"),
            health=self.health,
            clock=clock,
            drain_seconds=drain_seconds,
        )

    def relay(self) -> Relay:
        return Relay(self.dsn, self.kafka, health=self.health, clock=SystemClock())

    async def items(self) -> list[str]:
        async with self.database.service_transaction() as conn:
            return sorted((await conn.exec_driver_sql("SELECT item FROM item")).scalars())

    async def waiting(self) -> int:
        async with self.database.service_transaction() as conn:
            return int((await conn.exec_driver_sql("SELECT count(*) FROM outbox")).scalar_one())

    async def send(self, *messages: Message) -> None:
        sender = producer(self.kafka, client_id="test")
        try:
            assert all(await sender.send(messages))
        finally:
            await sender.close()

    async def until_filed(self, items: Collection[str], seconds: float = 20) -> None:
        await until_async(self.items, sorted(items), seconds)

    async def until_acknowledged(self, records: int, seconds: float = 15) -> None:
        async def acknowledged() -> int:
            return sum((await committed(self.kafka.kafka_bootstrap, self.group, ITEMS)).values())

        await until_async(acknowledged, records, seconds)


class Collector:
    def __init__(self, statements: list[str]) -> None:
        self._statements = statements

    def execute(self, sqltext: str, /) -> None:
        self._statements.append(sqltext)


@asynccontextmanager
async def running(*components: Runs) -> AsyncIterator[None]:
    """The components at work; asked to stop at the end, which has to be within their promise."""
    tasks = [asyncio.create_task(component.run()) for component in components]
    try:
        yield
    finally:
        for component in components:
            component.stop()
        done, late = await asyncio.wait(tasks, timeout=20)
        for task in late:
            task.cancel()
        assert not late, "did not stop within 20 s"
        for task in done:
            task.result()


async def until_async(ask: Callable[[], Awaitable[object]], wanted: object, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while await ask() != wanted:  # noqa: ASYNC110 - what is asked tells nobody
            await asyncio.sleep(0.05)


async def read_all(bootstrap: str, topic: Topic, *, expect: int, seconds: float = 15) -> list[Record]:
    """Everything in a topic, in the order of its partitions, once there are `expect` records and for a moment no more."""
    partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await reader.start()
    found: list[Any] = []
    try:
        reader.assign(partitions)
        async with asyncio.timeout(seconds):
            while len(found) < expect:
                found += [each for part in (await reader.getmany(timeout_ms=200)).values() for each in part]
        found += [each for part in (await reader.getmany(timeout_ms=300)).values() for each in part]
    finally:
        await reader.stop()
    found.sort(key=lambda each: (each.partition, each.offset))
    return [
        Record(each.topic, each.partition, each.offset, each.key, each.value, tuple(each.headers)) for each in found
    ]


async def committed(bootstrap: str, group: str, topic: Topic) -> dict[int, int]:
    """The group's acknowledged offsets by partition."""
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    await reader.start()
    try:
        offsets = {
            number: await reader.committed(TopicPartition(topic.name, number)) for number in range(topic.partitions)
        }
        return {number: offset for number, offset in offsets.items() if offset is not None}
    finally:
        await reader.stop()


async def terminate_all(superuser_dsn: str, dsn: str) -> int:
    """End every session of that database from outside, as an operator or a restart does."""
    admin = await asyncpg.connect(superuser_dsn)
    try:
        name = dsn.rpartition("/")[2]
        return len(await admin.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name))
    finally:
        await admin.close()
