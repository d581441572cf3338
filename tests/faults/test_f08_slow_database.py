"""F8: the pool is exhausted and statements take 30 s: people are told quickly to come again, the consumer pauses, the loop goes round."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

import asyncpg
import pytest

from tests.faults.load import PLAIN
from tests.faults.proxy import Toxics
from tests.faults.scale import LONG, scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.watch import Knocker, acknowledged, assert_back, filed, knocking, loaded, resources, until

pytestmark = [pytest.mark.integration, pytest.mark.fault, pytest.mark.timeout(300)]

LIST = "/api/v1/documents"
PEOPLE = 12
"""Twice as many as the pool has connections."""
QUICKLY_SECONDS = 8.5
"""5 s for a transaction that hangs and 3 s for giving it up, where the database says nothing at all; 2 s without a connection."""
ALIVE_SECONDS = 1.0
STALL_SECONDS = 0.2


@asynccontextmanager
async def foreign_lock(s: Stand) -> AsyncIterator[None]:
    """Somebody else has the tables, and every statement waits for them. Taken in the service's order, else they deadlock."""
    connection = await asyncpg.connect(s.dsn("documents"), ssl=False)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE inbox, document, document_version IN ACCESS EXCLUSIVE MODE")
            s.history.happened("locked the tables")
            yield
        s.history.happened("healed")
    finally:
        await connection.close()


@asynccontextmanager
async def slow_answers(s: Stand) -> AsyncIterator[None]:
    """Every word of the database takes 30 s."""
    s.postgres.proxy.to_client = Toxics(latency=30)
    s.history.happened("slowed the database down")
    try:
        yield
    finally:
        await s.postgres.proxy.heal()
        if not LONG:
            s.postgres.proxy.reset()  # the words that are still on their way would take their 30 s
        s.history.happened("healed")


async def judged(s: Stand, people: Knocker) -> None:
    """Nobody saw anything but the list or a 503, and soon; the loop went round all the while."""
    metrics = await s.services["documents"].metrics()
    own, whole = metrics["fault_loop_own_stall_seconds"], metrics["fault_loop_stall_seconds"]
    refused = [answer.seconds for answer in people.of(LIST) if answer.status == 503]
    print(  # noqa: T201 - what was seen, beside the seed
        f"{s.history.fault}: {len(people.of(LIST))} asked, {len(refused)} times 503 after {median(refused):.2f} s "
        f"(at most {max(refused):.2f} s); alive within {people.slowest('/alive'):.3f} s; "
        f"loop stall {own:.3f} s (with the machine's own {whole:.3f} s)"
    )
    assert people.statuses(LIST) == {200, 503}
    assert people.slowest(LIST) < QUICKLY_SECONDS
    assert people.statuses("/alive") == {200}
    assert people.slowest("/alive") < ALIVE_SECONDS
    assert own < STALL_SECONDS


TROUBLES = {"locked": foreign_lock, "slow": slow_answers}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_database_that_takes_half_a_minute(fault_servers: Servers, trouble: str) -> None:
    """12 people ask while documents flow: 503 in time, nothing acknowledged meanwhile, then all is drained and given back."""
    much = scale("f08")
    routes = {"documents": ("postgres",)}
    async with stand("f08", services=("documents",), servers=fault_servers, routes=routes) as s:
        await s.load(documents=20, per_second=40, mix=PLAIN, prefix="W")
        await s.drained(30)
        before = await resources(s)
        async with knocking(s, "documents", LIST, every=0.2, at_once=PEOPLE) as people, loaded(s, much.per_second):
            await asyncio.sleep(0.5)
            async with TROUBLES[trouble](s):
                await asyncio.sleep(1)
                stood = await acknowledged(s, "documents")
                await asyncio.sleep(much.seconds - 1)
                assert await acknowledged(s, "documents") == stood
                metrics = await s.services["documents"].metrics()
                assert metrics["kundenportal_batch_oldest_seconds"] > much.seconds / 2
            began, reached = time.monotonic(), await filed(s)
            await until(lambda: _more_than(s, reached), "documents flow again", 30)
            print(f"{s.history.fault}: flows again after {time.monotonic() - began:.1f} s")  # noqa: T201 - seen
        await judged(s, people)
        await s.drained(60)
        (await s.verdict(mails=False)).assert_clean()
        await assert_back(s, before)


async def _more_than(s: Stand, count: int) -> bool:
    return await filed(s) > count
