"""B3: from the event to the list, PDFs of 80 KB inline, beside a straight line without any promise.

Each lap hands over a backlog while its reader is stopped, then lets the reader go; it ends when every document is a row
that is listed and every event about it is on the bus.
"""

import asyncio
import hashlib
import io
import json
import pstats
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

import asyncpg
import pikepdf
from aiokafka import AIOKafkaConsumer, TopicPartition

from kundenportal_contracts.topics import BILLING_DOCUMENTS, DOCUMENTS, Topic, dead_letters
from tests.benchmarks.bill import Bill
from tests.benchmarks.harness import Comparison, Lap, compare
from tests.benchmarks.profiling import Profiler, told
from tests.benchmarks.readers import Reader, documents, straight_line
from tests.benchmarks.stand import Stand
from tests.fixtures.bus import Bus, bus, headers, invoice
from tests.fixtures.papers import pdf

DOCUMENTS_A_LAP = 400
CUSTOMERS = 40
SIZE = 80_000
MARK = b"<<mark-of-one-document>>"
STRAIGHT_IN = Topic("bench.straight.in", 6, BILLING_DOCUMENTS.retention, 1_048_576, "customer_number")
STRAIGHT_OUT = Topic("bench.straight.out", 6, BILLING_DOCUMENTS.retention, 1_048_576, "customer_number")
NUMBERS = count()


async def measure(stand: Stand, profiler: Profiler | None) -> list[Comparison]:
    await stand.topics(BILLING_DOCUMENTS, DOCUMENTS, dead_letters("documents"), STRAIGHT_IN, STRAIGHT_OUT)
    profile = stand.folder / "documents.profile"
    comparison = Comparison("B3 intake: event to listed, 80 KB PDF inline", "straight line without any promise", 0.7)
    async with (
        bus(stand.kafka.bootstrap) as billing,
        straight_line(stand, STRAIGHT_IN.name, STRAIGHT_OUT.name) as raw,
        documents(stand, profile if profiler is not None else None) as ours,
        looking(stand, raw, STRAIGHT_OUT) as raw_seen,
        looking(stand, ours, DOCUMENTS) as ours_seen,
    ):
        pids = {**stand.pids, raw.name: raw.pid, ours.name: ours.pid}
        bill = Bill(pids, inspecting={ours.name: "inspection workers"})
        await compare(
            comparison,
            lambda lap: backlog(billing, STRAIGHT_IN.name, raw, raw_seen, lap),
            lambda lap: backlog(billing, BILLING_DOCUMENTS.name, ours, ours_seen, lap),
            bill,
        )
    if profiler is not None:
        told(pstats.Stats(str(profile), stream=sys.stderr), comparison.name)
    return [comparison]


@dataclass
class Seen:
    """What has come out at the other end: rows that are listed, and events on the bus."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    listed: str
    reader: AIOKafkaConsumer
    partitions: Sequence[TopicPartition]
    total: int = field(default=0)

    async def everything(self, more: int) -> None:
        """Return when so many more have come out."""
        self.total += more
        while await self.connection.fetchval(self.listed) < self.total:  # noqa: ASYNC110 - a table tells nobody
            await asyncio.sleep(0.02)
        while sum((await self.reader.end_offsets(self.partitions)).values()) < self.total:  # noqa: ASYNC110 - nor does a topic
            await asyncio.sleep(0.01)


@asynccontextmanager
async def looking(stand: Stand, reader: Reader, topic: Topic) -> AsyncIterator[Seen]:
    connection = await asyncpg.connect(reader.database)
    await connection.execute("SELECT set_config('app.scope', 'service', false)")
    consumer = AIOKafkaConsumer(bootstrap_servers=stand.kafka.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(partitions)
        yield Seen(connection, reader.listed, consumer, partitions)
    finally:
        await consumer.stop()
        await connection.close()


async def backlog(billing: Bus, topic: str, reader: Reader, seen: Seen, lap: Lap) -> None:
    values = [paper() for _ in range(DOCUMENTS_A_LAP)]
    reader.signal(signal.SIGSTOP)
    sent = [
        await billing.producer.send(
            topic,
            json.dumps(data).encode(),
            data["customer_number"].encode(),
            headers=headers("billing.DocumentIssued.v1"),
        )
        for data in values
    ]
    await asyncio.gather(*sent)
    with lap:
        reader.signal(signal.SIGCONT)
        await seen.everything(DOCUMENTS_A_LAP)
    lap.units = DOCUMENTS_A_LAP


@cache
def template() -> bytes:
    """A PDF of 80 KB with a mark in it, which each document replaces by its number."""
    with pikepdf.open(io.BytesIO(pdf("Rechnung"))) as paper:
        paper.Root.Padding = paper.make_stream(MARK + hashlib.shake_256(MARK).digest(SIZE - 2_000))
        buffer = io.BytesIO()
        paper.save(buffer, compress_streams=False, deterministic_id=True)
    return buffer.getvalue()


def paper() -> dict[str, Any]:
    number = next(NUMBERS)
    content = template().replace(MARK, f"{number:0{len(MARK)}}".encode())
    return invoice(f"C{number % CUSTOMERS:05}", f"R{number:010}", content)
