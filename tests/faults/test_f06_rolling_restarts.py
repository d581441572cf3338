"""F6: every service is restarted in turn, again and again, as a deployment does it: politely, and one after the other."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from kundenportal_contracts.topics import BILLING_CUSTOMERS
from tests.faults.history import Registered
from tests.faults.process import Process
from tests.faults.scale import LONG, scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.watch import filed, loaded, resources, until
from tests.fixtures.bus import registration

pytestmark = [pytest.mark.integration, pytest.mark.fault, pytest.mark.timeout(900)]

STOP_SECONDS = 30
INTERVAL_SECONDS = 0.1 if LONG else 20.0


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


async def progress_of(count: Callable[[], Awaitable[int]], before: int, ends: float) -> int:
    """What was done in an interval that ends then, or a little later where nothing was done until then."""

    async def more() -> bool:
        return await count() > before

    await asyncio.sleep(max(0.0, ends - time.monotonic()))
    await until(more, "something is done in this interval", INTERVAL_SECONDS)
    return await count() - before


async def test_rolling_restarts_stop_nothing(fault_servers: Servers) -> None:
    """Each interval has every service restarted once and files documents; each stop is clean; nothing is lost or doubled."""
    much = scale("f06")
    async with stand("f06", servers=fault_servers) as s:
        stops: list[float] = []
        progress: list[int] = []
        async with loaded(s, much.per_second):
            for _ in range(much.rounds):
                began, before = time.monotonic(), await filed(s)
                stops += [await restarted(s, process) for process in s.services.values()]
                progress.append(await progress_of(lambda: filed(s), before, began + much.seconds))
        s.history.happened("healed")
        await s.drained(60)
        verdict = await s.verdict(mails=True)
        print(f"f06: filed in each interval {progress}, stops {min(stops):.1f} to {max(stops):.1f} s")  # noqa: T201 - seen
        print(f"f06: {(await resources(s)).line()}")  # noqa: T201 - seen
        verdict.assert_clean()


async def test_restarts_of_identity_register_everybody_once(fault_servers: Servers) -> None:
    """Customers are registered in each interval; each has one user and one initial password, and billing one answer."""
    much = scale("f06")
    async with stand("f06-identity", services=("identity",), servers=fault_servers) as s:
        ended = asyncio.Event()
        registering = asyncio.create_task(_register(s, much.per_second, ended))
        progress: list[int] = []
        for _ in range(much.rounds):
            began, before = time.monotonic(), await _customers(s)
            await restarted(s, s.services["identity"])
            progress.append(await progress_of(lambda: _customers(s), before, began + much.seconds))
        ended.set()
        registered = await registering
        s.history.happened("healed")
        await s.drained(60)
        (await s.verdict(mails=False)).assert_clean()
        users = [row["customer_number"] for row in await s.sql("identity", "SELECT customer_number FROM user_account")]
        said = Counter(row["ce_type"] for row in await s.sql("identity", "SELECT ce_type FROM fault.said"))
        print(f"f06: {registered} customers, in each interval {progress}, said {dict(said)}")  # noqa: T201 - seen
        assert (len(users), len(set(users)), set(said.values())) == (registered, registered, {registered})


async def _customers(s: Stand) -> int:
    return int((await s.sql("identity", "SELECT count(*) FROM customer"))[0][0])


async def _register(s: Stand, per_second: float, ended: asyncio.Event) -> int:
    """Billing registers customers until then; how many it were."""
    for number in itertools.count():
        if ended.is_set():
            return number
        data = registration(f"C{number}", f"c{number}@hof.example")
        ce_id = str(uuid4())
        place = await s.billing.say(BILLING_CUSTOMERS.name, "billing.CustomerRegistered.v1", data, ce_id)
        s.history.acknowledged(Registered(f"C{number}", ce_id, place))
        await asyncio.sleep(1 / per_second)
    raise AssertionError
