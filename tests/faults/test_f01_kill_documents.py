"""F1: kill -9 documents under load, at random and at named points: 0 lost, 0 doubled."""

import random

import pytest

from tests.faults.kills import ANYWHERE, QUICK, planned, under_load
from tests.faults.scale import TIMEOUT_SECONDS, scale, seed
from tests.faults.servers import Servers
from tests.faults.stand import stand

pytestmark = [pytest.mark.fault, pytest.mark.integration, pytest.mark.timeout(TIMEOUT_SECONDS)]

POINTS = ("after_put", "before_commit", "after_commit", "before_offset_commit", ANYWHERE)


async def test_killed_anywhere_nothing_is_lost_or_doubled(fault_servers: Servers) -> None:
    """Whatever moment the kill hits, each document is filed once, told once, and listed."""
    how_much, number = scale("f01"), seed()
    plan = planned(POINTS, how_much.rounds, random.Random(number))
    async with stand(
        "f01", services=["documents"], servers=fault_servers, seed=number, environment=QUICK, start=False
    ) as s:
        await under_load(s, "documents", plan, per_second=how_much.per_second)
        await s.drained()
        verdict = await s.verdict(mails=False)
    verdict.assert_clean()
    assert verdict.crashed == []
    assert verdict.kills == how_much.rounds
