"""F2: kill -9 the outbox relay between the broker's ack and marking the row; the consumer behind takes each event once."""

import random

import pytest

from tests.faults.kills import QUICK, planned, under_load
from tests.faults.scale import TIMEOUT_SECONDS, scale, seed
from tests.faults.servers import Servers
from tests.faults.stand import stand

pytestmark = [pytest.mark.fault, pytest.mark.integration, pytest.mark.timeout(TIMEOUT_SECONDS)]


async def test_killed_after_the_ack_every_event_arrives_in_order(fault_servers: Servers) -> None:
    """Every event is on the bus, first copies in the order of each key, further ones under the same id; one mail each."""
    how_much, number = scale("f02"), seed()
    plan = planned(("after_broker_ack",), how_much.rounds, random.Random(number))
    async with stand("f02", servers=fault_servers, seed=number, environment=QUICK, start=["notifier"]) as s:
        await under_load(s, "documents", plan, per_second=how_much.per_second)
        await s.drained()
        verdict = await s.verdict(mails=True)
    verdict.assert_clean()
    assert verdict.crashed == []
    assert verdict.disordered == []
    assert len(verdict.copies) >= verdict.kills == how_much.rounds
