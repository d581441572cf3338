"""F5: the broker is killed, and stays away. What was taken goes its way, all others wait, nobody is restarted."""

import asyncio
import time

import pytest

from tests.faults.load import PLAIN, small_pdf
from tests.faults.scale import scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.watch import OPEN_TRANSACTIONS, assert_back, filed, listed, resources, until

pytestmark = [pytest.mark.integration, pytest.mark.fault, pytest.mark.timeout(1_500)]

RESUMED_SECONDS = 30


async def away(s: Stand, seconds: float) -> None:
    """Killed, gone for so long, back; the services have to live through it."""
    s.kafka.kill()
    until_back = time.monotonic() + seconds
    while time.monotonic() < until_back:
        await asyncio.sleep(min(1.0, seconds))
        assert all([await process.alive() for process in s.services.values()])
    await s.kafka.start()
    s.history.happened("healed")


async def resumed(s: Stand) -> float:
    """Hand over one more document; the seconds until it is filed and told."""
    began = time.monotonic()
    given = await s.billing.issue(s.customers[0], "nach-dem-Ausfall", small_pdf("nach dem Ausfall"))

    async def told() -> bool:
        rows = await s.sql("documents", "SELECT FROM document_version WHERE sha256 = $1", given.sha256)
        return bool(rows) and not await s.sql("documents", "SELECT FROM outbox LIMIT 1")

    await until(told, "filed and told", RESUMED_SECONDS)
    return time.monotonic() - began


async def test_a_killed_broker_is_outlived(fault_servers: Servers) -> None:
    """Kill -9 under load and away for a while: all resume within 30 s in the same processes, and nothing is lost or doubled."""
    much = scale("f05")
    async with stand("f05", servers=fault_servers) as s:
        await s.load(documents=20, per_second=40, mix=PLAIN, prefix="W")
        await s.drained(30)
        before = await resources(s)
        load = asyncio.create_task(s.load(documents=much.documents, per_second=much.per_second))
        await asyncio.sleep(1)
        await away(s, much.seconds)
        seconds = await resumed(s)
        await load
        await s.drained(60)
        verdict = await s.verdict(mails=True)
        print(f"f05: away {much.seconds:g} s, resumed after {seconds:.1f} s, loop stall {await s.loop_stall():.3f} s")  # noqa: T201 - seen
        verdict.assert_clean()
        await assert_back(s, before)


async def test_what_was_taken_goes_on_from_the_outbox(fault_servers: Servers) -> None:
    """A batch at hand is filed and listed while the broker is away; what it says waits, and is told when the broker is back."""
    slow = {"documents": {"FAULT_SLOW": "before_commit:1.5"}}
    async with stand("f05-outbox", services=("documents",), servers=fault_servers, environment=slow) as s:
        began = asyncio.create_task(s.load(documents=10, per_second=1_000, mix=PLAIN))
        await until(lambda: _in_transaction(s), "a batch in its transaction", 10)
        await began
        s.kafka.kill()
        await until(lambda: _settled(s), "the batches at hand are filed", 20)
        taken = await filed(s)
        assert await listed(s) == taken > 0
        await s.kafka.start()
        s.history.happened("healed")
        await s.drained(60)
        (await s.verdict(mails=False)).assert_clean()
        print(f"f05: {taken} of 10 filed and listed without a broker, told after its return")  # noqa: T201 - seen


async def _in_transaction(s: Stand) -> bool:
    return bool(await s.sql("documents", OPEN_TRANSACTIONS))


async def _settled(s: Stand) -> bool:
    """Whether every batch at hand has come to its end: something is filed, and each of it waits to be told."""
    busy = await _in_transaction(s)
    waiting = (await s.sql("documents", "SELECT count(*) FROM outbox"))[0][0]
    return not busy and 0 < waiting == await filed(s)
