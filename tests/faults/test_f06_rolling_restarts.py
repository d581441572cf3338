"""F6: every service is restarted in turn, again and again, as a deployment does it: politely, and one after the other."""

import asyncio
import time

import pytest

from tests.faults.process import Process
from tests.faults.scale import scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.watch import filed, loaded, resources

pytestmark = [pytest.mark.integration, pytest.mark.fault, pytest.mark.timeout(900)]

STOP_SECONDS = 30


async def restarted(s: Stand, process: Process) -> float:
    """SIGTERM, and wait until it is ready again; the seconds that the stop took. It has to be a clean one."""
    began = time.monotonic()
    process.terminate()
    code = await process.wait(STOP_SECONDS)
    took = time.monotonic() - began
    assert code == 0, f"{process.name} ended with {code}"
    await process.until_ready()
    s.history.happened(f"restarted {process.name}", stop_seconds=took)
    return took


async def test_rolling_restarts_stop_nothing(fault_servers: Servers) -> None:
    """Each interval has every service restarted once and files documents; each stop is clean; nothing is lost or doubled."""
    much = scale("f06")
    async with stand("f06", servers=fault_servers) as s:
        stops: list[float] = []
        progress: list[int] = []
        async with loaded(s, much.per_second):
            for _ in range(much.rounds):
                ends, before = time.monotonic() + much.seconds, await filed(s)
                stops += [await restarted(s, process) for process in s.services.values()]
                await asyncio.sleep(max(0.0, ends - time.monotonic()))
                progress.append(await filed(s) - before)
        s.history.happened("healed")
        await s.drained(60)
        verdict = await s.verdict(mails=True)
        print(f"f06: filed in each interval {progress}, stops {min(stops):.1f} to {max(stops):.1f} s")  # noqa: T201 - seen
        print(f"f06: {(await resources(s)).line()}")  # noqa: T201 - seen
        verdict.assert_clean()
        assert min(progress) > 0
