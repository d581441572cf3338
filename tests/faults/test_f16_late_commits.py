"""F16: an outbox row is committed long after later ones, a reader holds a snapshot: the row is told, and all go on as fast."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from uuid import uuid4

import asyncpg
import pytest

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.health import Health
from chassis.lifecycle import Component
from chassis.migrations import upgrade
from chassis.outbox.relay import Relay
from chassis.outbox.watch import table_jobs
from chassis.settings import KafkaSettings
from kundenportal_contracts.topics import DOCUMENTS
from kundenportal_local.databases import ensure_database
from notifier.domain import State
from notifier.ports import Begin, Result
from notifier.use_cases.due_window import DueWindow
from tests.faults.gather import records_on
from tests.faults.mains.notifier import service_work
from tests.faults.scale import LONG, scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.watch import assert_back, filed, loaded, resources, until
from tests.fixtures.broker import Broker
from tests.notifier.samples import delivery

pytestmark = [pytest.mark.integration, pytest.mark.fault, pytest.mark.timeout(1_800)]

LATE_SECONDS = 10.0 if LONG else 3.0
TOLD_SECONDS = 5.0
KEPT_SHARE, PAIRS = (0.8, 5) if LONG else (0.5, 3)  # a few pairs on a busy machine say less
ROWS, MAILS, MAILS_AT_ONCE = 2_000, 400, 16

FILL = """
INSERT INTO outbox (ce_id, topic, key, ce_type, value, headers)
SELECT gen_random_uuid(), 'documents.documents.v1', n::text, 'documents.DocumentRemoved.v1',
       convert_to(repeat('x', 600), 'UTF8'), '[["ce_specversion", "1.0"]]' FROM generate_series(1, $1) AS n
"""
LATE = """
INSERT INTO outbox (ce_id, topic, key, ce_type, value, headers)
VALUES ($1, 'documents.documents.v1', 'late', 'documents.RetentionEnding.v1', '{}', $2::jsonb) RETURNING id
"""


@asynccontextmanager
async def snapshot(dsn: str) -> AsyncIterator[None]:
    """A reader who goes on seeing what was there when it began."""
    connection = await asyncpg.connect(dsn, ssl=False)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.fetchval("SELECT count(*) FROM pg_class")
            yield
    finally:
        await connection.close()


async def test_a_row_committed_late_is_told(fault_servers: Servers) -> None:
    """Its id is long behind those that were published; soon after its commit it is on the bus, once."""
    much = scale("f16")
    async with stand("f16-late", services=("documents",), servers=fault_servers) as s:
        late = await asyncpg.connect(s.dsn("documents"), ssl=False)
        try:
            async with loaded(s, much.per_second):
                await until(lambda: _filed(s, 5), "the load flows", 20)
                async with late.transaction():
                    ce_id = uuid4()
                    number = await late.fetchval(LATE, ce_id, json.dumps([["ce_id", str(ce_id)]]))
                    await asyncio.sleep(LATE_SECONDS)
                    [[behind]] = await s.sql("documents", "SELECT max(id) - $1 FROM fault.said", number)
                began = time.monotonic()
                await until(lambda: _gone(s, number), "the late row is published", TOLD_SECONDS)
                print(f"f16: {behind} ids behind, published {time.monotonic() - began:.2f} s after its commit")  # noqa: T201 - seen
        finally:
            await late.close()
        s.history.happened("healed")
        await s.drained(60)
        (await s.verdict(mails=False)).assert_clean()
        copies = [record for record in await records_on(s.bootstrap, [DOCUMENTS.name]) if record.key == b"late"]
        assert (len(copies), behind > 0) == (1, True)


async def test_a_long_snapshot_holds_up_nothing(fault_servers: Servers) -> None:
    """Under load both services go on beside a reader of each database; nothing is lost or late, memory and pools are back."""
    much = scale("f16")
    async with stand("f16-snapshot", servers=fault_servers) as s:
        async with loaded(s, much.per_second):
            await until(lambda: _filed(s, 5), "the load flows", 20)
            before = await resources(s)
            async with snapshot(s.dsn("documents")), snapshot(s.dsn("notifier")):
                s.history.happened("snapshots taken")
                began, reached = time.monotonic(), await filed(s)
                await asyncio.sleep(much.seconds)
                rate = (await filed(s) - reached) / (time.monotonic() - began)
        s.history.happened("healed")
        await s.drained(60)
        verdict = await s.verdict(mails=True)
        print(f"f16: {rate:.1f} documents/s beside the snapshots, {much.per_second:g} handed over")  # noqa: T201 - seen
        verdict.assert_clean()
        assert rate > KEPT_SHARE * much.per_second
        await assert_back(s, before)


@dataclass
class Side:
    """One of two databases that do the same by turns."""

    dsn: str
    connection: "asyncpg.Connection[asyncpg.Record]"
    begin: Begin
    window: DueWindow

    async def publish(self) -> float:
        """Outbox rows a second through the relay."""
        before = await self.connection.fetchval("SELECT last_value FROM outbox_id_seq")
        await self.connection.execute(FILL, ROWS)
        await self.connection.execute("SELECT pg_notify('outbox', '')")
        return ROWS / await until(lambda: self._published(before), "the rows are published", 60, look=0.005)

    async def _published(self, before: int) -> bool:
        """Whether nothing behind this id is left; what is dead before it is not looked at."""
        return not await self.connection.fetchval("SELECT EXISTS (SELECT FROM outbox WHERE id > $1)", before)

    async def send(self) -> float:
        """Mails a second from queued to sent, as far as the database has a part in it."""
        async with self.begin() as work:
            await work.deliveries.queue([delivery() for _ in range(MAILS)])
        began, sent = time.monotonic(), 0
        while sent < MAILS:
            with self.window.claiming() as since:
                async with self.begin() as work:
                    mails = await work.deliveries.claim(MAILS_AT_ONCE, (), since)
            self.window.claimed(mails, all_domains=True)
            tickets = [mail.ticket for mail in mails]
            async with self.begin() as work:
                await work.deliveries.mark_dot_pending(tickets)
            async with self.begin() as work:
                await work.deliveries.settle([Result(ticket, State.SENT) for ticket in tickets])
            sent += len(mails)
        return sent / (time.monotonic() - began)


@asynccontextmanager
async def side(servers: Servers, name: str) -> AsyncIterator[Side]:
    """A new database with its relay and the jobs of every service at work."""
    name = f"f16_{name}_{next(servers.numbers)}"
    await ensure_database(servers.superuser_dsn, name=name, role=name, password=name)
    url, clock = servers.dsn(name, name, name), SystemClock()
    await asyncio.to_thread(upgrade, url, "notifier.migrations")
    database = Database(url, application_name=name)
    kafka = KafkaSettings(kafka_bootstrap=f"127.0.0.1:{servers.kafka.port}")
    parts: list[Component] = [
        Relay(url, kafka, health=Health(), clock=clock),
        *table_jobs(database, [DOCUMENTS], clock),
    ]
    tasks = [asyncio.create_task(part.run()) for part in parts]
    connection = await asyncpg.connect(url, ssl=False)
    try:
        yield Side(url, connection, service_work(database, clock, ""), DueWindow(clock))
    finally:
        for part in parts:
            part.stop()
        await asyncio.gather(*tasks)
        await connection.close()
        await database.close()


async def ratios(
    with_it: Callable[[], Awaitable[float]], without: Callable[[], Awaitable[float]], seconds: float
) -> list[float]:
    """The same done by turns; the ratio of each pair."""
    found: list[float] = []
    ends = time.monotonic() + seconds
    for number in itertools.count():
        if time.monotonic() > ends and number >= PAIRS:
            return found
        first, second = (with_it, without) if number % 2 else (without, with_it)
        one, other = await first(), await second()
        found.append(one / other if number % 2 else other / one)
    return found


@pytest.mark.parametrize("work", ["publish", "send"])
async def test_a_long_snapshot_costs_no_throughput(fault_servers: Servers, work: str) -> None:
    """By turns with and without a reader's snapshot: relay and sender keep their pace however many rows are dead."""
    for server in fault_servers.each():
        await server.start()
    await Broker(f"127.0.0.1:{fault_servers.kafka.port}").create_topics([DOCUMENTS])
    async with side(fault_servers, "read") as read, side(fault_servers, "alone") as alone:
        run, beside = getattr(read, work), getattr(alone, work)
        await ratios(run, beside, 0)
        async with snapshot(read.dsn):
            with_it = await ratios(run, beside, scale("f16").seconds)
        after = await ratios(run, beside, 0)
        last = with_it[-max(3, len(with_it) // 4) :]
        print(  # noqa: T201 - what was seen
            f"f16 {work}: {len(with_it)} pairs, with a snapshot {median(with_it):.2f} of the pace, "
            f"in the last quarter {median(last):.2f}, afterwards {median(after):.2f}"
        )
        assert median(with_it) >= KEPT_SHARE
        assert median(last) >= KEPT_SHARE


async def _filed(s: Stand, count: int) -> bool:
    return await filed(s) >= count


async def _gone(s: Stand, number: int) -> bool:
    return not await s.sql("documents", "SELECT FROM outbox WHERE id = $1", number)
