"""B1: our consumer (envelope, JSON, validation, offset commit) beside aiokafka's bare getmany on the same topic.

Both read the same DocumentPublished records from the beginning with the same client settings, as a new group each. No
database: its cost is B2's.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.clock import SystemClock
from chassis.health import Health
from chassis.messaging.clients import GroupMember
from chassis.messaging.consumer import Consumer
from chassis.messaging.subscriptions import DeadLetter, Event, Partition, Subscription
from chassis.settings import KafkaSettings
from kundenportal_contracts.documents import DocumentPublished
from kundenportal_contracts.envelope import Envelope, encode, write_headers
from kundenportal_contracts.topics import DOCUMENTS
from tests.benchmarks.bill import Bill
from tests.benchmarks.harness import Comparison, Lap, compare
from tests.benchmarks.profiling import Profiler
from tests.benchmarks.stand import Stand

RECORDS = 40_000
CUSTOMERS = 500


async def measure(stand: Stand, profiler: Profiler | None) -> list[Comparison]:
    await stand.topics(DOCUMENTS)
    await fill(stand.kafka.bootstrap)

    async def raw(lap: Lap) -> None:
        await bare(stand.kafka.bootstrap, lap)

    async def ours(lap: Lap) -> None:
        await consumer(stand.kafka.bootstrap, lap)

    comparison = Comparison("B1 consumer loop: decode, validate, commit", "bare `getmany`, records counted", 0.5)
    bill = Bill({"kafka": stand.pids["kafka"]})
    return [await compare(comparison, raw, ours, bill, profiler=profiler)]


async def fill(bootstrap: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
    await producer.start()
    try:
        for number in range(RECORDS):
            event = published(number)
            envelope = Envelope(str(uuid4()), "documents", event.ce_type, datetime.now(UTC))
            trace = ("traceparent", f"00-{uuid4().hex}-{uuid4().hex[:16]}-01".encode())
            await producer.send(
                event.topic.name, encode(event), event.key.encode(), headers=write_headers(envelope, [trace])
            )
        await producer.flush()
    finally:
        await producer.stop()


def published(number: int) -> DocumentPublished:
    return DocumentPublished.model_validate(
        {
            "document_id": uuid4(),
            "version": 1,
            "current": True,
            "customer_number": f"C{number % CUSTOMERS:05}",
            "document_number": f"R{number:010}",
            "document_type": "invoice",
            "issued_on": date(2026, 11, 20),
            "published_at": datetime.now(UTC),
            "available_until": date(2027, 12, 23),
            "media_type": "application/pdf",
            "size": 81_234,
            "sha256": uuid4().hex * 2,
            "object_key": f"C{number % CUSTOMERS:05}/{uuid4().hex * 2}/{uuid4()}",
            "gross_amount": "119.00",
            "currency": "EUR",
            "due_on": date(2026, 12, 4),
        }
    )


async def bare(bootstrap: str, lap: Lap) -> None:
    """Read and count; the clock starts with the assignment, so that joining the group is not measured."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=str(uuid4()),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=16 * 1_048_576,
        max_partition_fetch_bytes=4 * 1_048_576,
    )
    reader.subscribe([DOCUMENTS.name])
    await reader.start()
    try:
        with lap:
            count = 0
            while count < RECORDS:
                found = await reader.getmany(timeout_ms=10_000, max_records=500)
                count += sum(map(len, found.values()))
        lap.units = count
    finally:
        await reader.stop()


class Validates:
    """A handler that does what every handler has to: read the value into its model."""

    async def prepare(self, events: Sequence[Event], /) -> Sequence[DocumentPublished]:
        return [event.decode(DocumentPublished) for event in events]

    async def apply(self, prepared: Sequence[DocumentPublished], work: None, /) -> Sequence[DeadLetter]:  # noqa: ARG002 - the protocol's
        return []


class NoDatabase:
    @asynccontextmanager
    async def service_transaction(self) -> AsyncIterator[Any]:
        yield None


class NoLetters:
    async def write(self, letters: Sequence[DeadLetter]) -> None:
        raise AssertionError(letters)

    async def close(self) -> None: ...


class Acknowledging(GroupMember):
    """The real member, which also tells when it has been admitted and when everything has been acknowledged."""

    acknowledged: dict[Partition, int]
    admitted: asyncio.Event
    everything: asyncio.Event

    async def start(self) -> None:
        await super().start()
        self.admitted.set()

    async def commit(self, partition: Partition, offset: int) -> None:
        await super().commit(partition, offset)
        self.acknowledged[partition] = offset
        if sum(self.acknowledged.values()) >= RECORDS:
            self.everything.set()


async def consumer(bootstrap: str, lap: Lap) -> None:
    admitted, everything = asyncio.Event(), asyncio.Event()

    def connect(*given: Any, **named: Any) -> Acknowledging:
        member = Acknowledging(*given, **named)
        member.acknowledged, member.admitted, member.everything = {}, admitted, everything
        return member

    subject: Consumer[Any] = Consumer(
        KafkaSettings(kafka_bootstrap=bootstrap),
        group=str(uuid4()),
        subscriptions=[Subscription(DOCUMENTS, {DocumentPublished.ce_type: Validates()})],
        database=NoDatabase(),
        work=lambda conn: conn,
        dead_letters=NoLetters(),
        health=Health(),
        clock=SystemClock(),
        connect=connect,
    )
    running = asyncio.create_task(subject.run())
    await admitted.wait()
    with lap:
        await everything.wait()
    lap.units = RECORDS
    subject.stop()
    await running
