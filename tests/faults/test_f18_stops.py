"""F18: a service is asked to stop while its handler takes a minute and what it needs is away: it ends in time, and acknowledges nothing."""

import json

import pytest

from tests.faults.load import PLAIN
from tests.faults.scale import LONG, scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.watch import OPEN_TRANSACTIONS, acknowledged, filed, said_stop, until

pytestmark = [pytest.mark.integration, pytest.mark.fault, pytest.mark.timeout(300)]

STOP_SECONDS = 30
EVERYTHING = ("kafka", "postgres", "s3")
# Where the handler hangs (nowhere but at the silent store itself), and what is away.
SHORT = [("put", ("kafka",)), ("", EVERYTHING), ("before_commit", EVERYTHING)]
HANGING = SHORT + (
    [("put", ("postgres",)), ("put", ("s3",)), ("before_commit", ("postgres",)), ("put", ())] if LONG else []
)
NAMES = [f"{point or 'store'}-{'+'.join(away) or 'nothing'}" for point, away in HANGING]


async def take_away(s: Stand, parts: tuple[str, ...]) -> None:
    """The broker is killed, the other two fall silent."""
    for name in parts:
        if name == "kafka":
            s.kafka.kill()
        else:
            await getattr(s, name).proxy.become("black_hole")
            s.history.happened(f"silenced {name}")


async def bring_back(s: Stand, parts: tuple[str, ...]) -> None:
    for name in parts:
        if name == "kafka":
            await s.kafka.start()
        else:
            await getattr(s, name).proxy.heal()
    s.history.happened("healed")


def logged(s: Stand, event: str) -> int:
    lines = s.services["documents"].log.read_text().splitlines()
    return sum(json.loads(line).get("event") == event for line in lines if line.startswith("{"))


@pytest.mark.parametrize(("point", "away"), HANGING, ids=NAMES)
async def test_a_stop_ends_in_time(fault_servers: Servers, point: str, away: tuple[str, ...]) -> None:
    """A handler of 60 s, this away, SIGTERM: gone within 30 s, no offset moved; the next process does the work once."""
    much = scale("f18")
    slow = {"documents": {"FAULT_SLOW": f"{point}:{much.seconds:g}"} if point else {}}
    routes = {"documents": ("postgres", "s3")}
    async with stand("f18", services=("documents",), servers=fault_servers, environment=slow, routes=routes) as s:
        if not point:
            await s.s3.proxy.become("black_hole")
        await s.load(documents=much.documents, per_second=1_000, mix=PLAIN)
        await until(lambda: _busy(s, point), "a batch that hangs", 20)
        await take_away(s, away)
        code, seconds = await said_stop(s.services["documents"], STOP_SECONDS + 5)
        await bring_back(s, away)
        print(f"f18: {point or 'store'} hangs, {away} away: exit code {code} after {seconds:.1f} s")  # noqa: T201 - seen
        assert seconds <= STOP_SECONDS
        assert logged(s, "batch_cut_off") > 0
        assert (await acknowledged(s, "documents"), await filed(s)) == (0, 0)
        s.services["documents"].environment.pop("FAULT_SLOW", None)
        await s.services["documents"].start()
        await s.drained(60)
        (await s.verdict(mails=False)).assert_clean()


async def _busy(s: Stand, point: str) -> bool:
    """Whether the consumer has a batch in hand; for one that hangs in its transaction, whether that is open."""
    if point == "before_commit":
        return bool(await s.sql("documents", OPEN_TRANSACTIONS))
    return (await s.services["documents"].metrics())["kundenportal_batch_oldest_seconds"] > 0
