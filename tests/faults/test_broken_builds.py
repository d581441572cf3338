"""Builds that lack one mechanism each: the checker has to name what that mechanism prevents. No luck: each dies at a named point."""

import pytest

from tests.faults import broken
from tests.faults.kills import QUICK
from tests.faults.load import PLAIN
from tests.faults.points import POINT, SLOW
from tests.faults.scale import TIMEOUT_SECONDS, seed
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.verdict import Verdict

pytestmark = [pytest.mark.fault, pytest.mark.integration, pytest.mark.timeout(TIMEOUT_SECONDS)]

DOCUMENTS = 12


async def killed_once(servers: Servers, build: str, point: str, without: tuple[str, ...] = ()) -> Verdict:
    """Documents is killed at this point over its first batch and goes on, in the same build, to the end."""
    settings = {"documents": {**QUICK["documents"], broken.BROKEN: build}}
    async with stand(
        f"broken-{build or 'none'}",
        services=["documents"],
        servers=servers,
        seed=seed(),
        environment=settings,
        start=False,
    ) as s:
        for statement in without:
            await s.sql("documents", statement)
        await s.load(documents=DOCUMENTS, per_second=200, mix=PLAIN)
        documents = s.services["documents"]
        documents.once = {POINT: f"{point}:1"}
        await documents.start(ready=False)
        await documents.until(lambda: documents.deaths == 1, 60)
        await documents.until_ready()
        await s.drained(20)
        return await s.verdict(mails=False)


async def test_an_offset_before_the_effect_loses(fault_servers: Servers) -> None:
    """Who acknowledges what it has only read loses it with the first kill."""
    verdict = await killed_once(fault_servers, broken.OFFSET_BEFORE_EFFECT, "before_commit")
    assert verdict.lost
    assert not verdict.doubled
    assert all("is not filed" in finding for finding in verdict.lost)


async def test_an_acknowledgement_before_the_commit_loses(fault_servers: Servers) -> None:
    """Who acknowledges at the end of the transaction loses what the kill before the commit rolls back."""
    verdict = await killed_once(fault_servers, broken.ACKNOWLEDGED_BEFORE_COMMIT, "before_commit")
    assert verdict.lost
    assert not verdict.doubled
    assert all("is not filed" in finding for finding in verdict.lost)


async def test_neither_inbox_nor_natural_key_doubles(fault_servers: Servers) -> None:
    """Who knows a record neither by its id nor by its content files it again when it comes again."""
    verdict = await killed_once(
        fault_servers, broken.NO_INBOX_NO_NATURAL_KEY, "before_offset_commit", without=broken.KEYS_GONE
    )
    assert verdict.doubled
    assert not verdict.lost
    assert any("documents are" in finding for finding in verdict.doubled)


async def test_without_an_inbox_the_natural_key_still_holds(fault_servers: Servers) -> None:
    """The same blow with the natural key in its place doubles nothing: each of the two is enough."""
    (await killed_once(fault_servers, broken.NO_INBOX, "before_offset_commit")).assert_clean()


@pytest.mark.parametrize("build", ["", broken.RELAY_WITHOUT_LOCK])
async def test_two_relays(fault_servers: Servers, build: str) -> None:
    """Two relays and no kills: with the lock no event is twice on the bus; without it some are, under the same ids."""
    slow = {**QUICK["documents"], broken.BROKEN: build, SLOW: "after_broker_ack:0.1"}
    async with stand(
        f"relays-{build or 'real'}", services=["documents"], servers=fault_servers, environment={"documents": slow}
    ) as s:
        await s.another("documents")
        await relays_are_awake(s)
        await s.load(documents=40, per_second=40, mix=PLAIN)
        await s.drained()
        verdict = await s.verdict(mails=False)
    verdict.assert_clean()
    assert verdict.kills == 0
    assert bool(verdict.copies) is bool(build)


async def relays_are_awake(s: Stand) -> None:
    """Both have a session that listens to the outbox."""
    asked = "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'outbox relay' AND datname = $1"
    database = s.dsn("documents").rpartition("/")[2]
    first = s.services["documents"]
    while (await s.sql("documents", asked, database))[0]["n"] < 2:
        await first.until_ready()
