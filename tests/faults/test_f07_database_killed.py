"""F7: PostgreSQL is killed, its sessions are ended: what was acknowledged is still there, and nobody needs a restart."""

import asyncio
import os
import random
import signal

import asyncpg
import pytest

from tests.faults.load import PLAIN
from tests.faults.mail_kills import in_flight
from tests.faults.scale import scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.watch import assert_back, loaded, resources

pytestmark = [pytest.mark.integration, pytest.mark.fault, pytest.mark.timeout(900)]

OURS = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"


async def kill_all_of_it(s: Stand) -> None:
    """The server and every session, without a word."""
    s.postgres.kill()
    await asyncio.sleep(0.5)
    await s.postgres.start()


async def kill_the_postmaster(s: Stand) -> None:
    """The parent alone: its sessions notice it by themselves."""
    os.kill(s.postgres.pid, signal.SIGKILL)
    s.history.happened("killed the postmaster")
    while s.postgres.running:  # noqa: ASYNC110 - nothing tells of an exit but asking
        await asyncio.sleep(0.02)
    await s.postgres.start()


async def kill_a_session(s: Stand) -> None:
    """One of the sessions: the server ends all others and recovers."""
    pids = [row[0] for row in await s.sql("documents", f"SELECT pid {OURS} ORDER BY pid")]
    os.kill(random.Random(s.seed).choice(pids), signal.SIGKILL)
    s.history.happened("killed a session")
    await asyncio.sleep(0.2)
    await s.postgres.start()


async def end_all_sessions(s: Stand) -> None:
    """As an operator does it before a change."""
    ended = await s.sql("documents", f"SELECT pg_terminate_backend(pid) {OURS}")
    s.history.happened("killed all sessions politely", sessions=len(ended))
    assert ended


FAULTS = (kill_all_of_it, end_all_sessions, kill_the_postmaster, kill_a_session)


async def test_a_killed_database_loses_nothing(fault_servers: Servers) -> None:
    """Killed in every way under load: what was acknowledged stands, the same processes go on, and nothing is doubled."""
    much = scale("f07")
    async with stand("f07", servers=fault_servers) as s:
        assert (await s.sql("documents", "SHOW fsync"))[0][0] == "on"
        await s.load(documents=20, per_second=40, mix=PLAIN, prefix="W")
        await s.drained(30)
        before = await resources(s)
        async with loaded(s, much.per_second):
            for number in range(much.rounds):
                await asyncio.sleep(random.Random(s.seed + number).uniform(0.2, 1.5))
                await FAULTS[number % len(FAULTS)](s)
                await in_flight(s)
        s.history.happened("healed")
        await s.drained(60)
        verdict = await s.verdict(mails=True)
        print(f"f07: loop stall {await s.loop_stall():.3f} s")  # noqa: T201 - seen
        verdict.assert_clean()
        await assert_back(s, before)


async def test_the_relay_outlives_its_session(fault_servers: Servers) -> None:
    """Ended in the midst of a burst, the relay comes back by itself and publishes every row that was committed."""
    async with stand("f07-relay", services=("documents",), servers=fault_servers) as s:
        load = asyncio.create_task(s.load(documents=120, per_second=400, mix=PLAIN))
        connection = await asyncpg.connect(s.superuser_dsn, ssl=False)
        try:
            for _ in range(5):
                await asyncio.sleep(0.3)
                await connection.fetch(f"SELECT pg_terminate_backend(pid) {OURS} AND application_name = 'outbox relay'")
                s.history.happened("killed the relay's session")
        finally:
            await connection.close()
        await load
        s.history.happened("healed")
        await s.drained(60)
        (await s.verdict(mails=False)).assert_clean()
