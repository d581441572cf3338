"""F3: kill -9 of the whole notifier in each phase of its SMTP steps, under load: no mail lost, none twice."""

import asyncio
import random
from collections import Counter

import pytest

from tests.faults.load import PLAIN
from tests.faults.mail_kills import Moment, in_flight, killed_at, leases_run_out, moments
from tests.faults.mailing import BROKEN, NO_DOT_PENDING
from tests.faults.phased_sink import PhasedSink
from tests.faults.scale import LONG, TIMEOUT_SECONDS, scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand

pytestmark = [pytest.mark.fault, pytest.mark.timeout(TIMEOUT_SECONDS)]


async def kill_through(s: Stand, sink: PhasedSink, planned: list[Moment]) -> tuple[Counter[str], set[str]]:
    """A process for each moment, which dies there; where they died, and the mails whose dots were in flight then."""
    notifier, died, flying = s.services["notifier"], Counter[str](), set[str]()
    for moment, following in zip(planned, [*planned[1:], None], strict=True):
        await notifier.until(lambda: notifier.running)
        notifier.once = following.environment if following else {}
        died[await killed_at(moment, notifier, sink)] += 1
        flying |= await in_flight(s)
        if not LONG:
            await leases_run_out(s)
    return died, flying


async def test_no_phase_loses_or_doubles_a_mail(fault_servers: Servers) -> None:
    """Before the connection, after RCPT, in the body, before and after the mark, after the dot, after the 250."""
    size = scale("f03")
    async with PhasedSink() as sink, stand("f03", servers=fault_servers, smtp=sink) as s:
        over = asyncio.Event()
        load = asyncio.create_task(s.load(documents=size.documents, per_second=size.per_second, mix=PLAIN, until=over))
        died, flying = await kill_through(s, sink, list(moments(size.rounds, random.Random(s.seed))))
        over.set()
        await load
        s.history.happened("healed")
        await s.drained(60)
        verdict = await s.verdict(mails=True)
        print(f"killed at {dict(died)}, dots in flight {len(flying)}")  # noqa: T201 - what was seen
        verdict.assert_clean()
        assert died["anywhere"] <= 1 + size.rounds // 10, died


async def test_without_dot_pending_a_mail_goes_out_twice(fault_servers: Servers) -> None:
    """A build that writes the mark only with the answer: killed after the dot, it sends again, and the checker says so."""
    broken = {"notifier": {BROKEN: NO_DOT_PENDING}}
    async with PhasedSink() as sink, stand("f03-broken", servers=fault_servers, smtp=sink, environment=broken) as s:
        load = asyncio.create_task(s.load(documents=3, per_second=20, mix=PLAIN))
        await killed_at(Moment("dot", 1), s.services["notifier"], sink)
        await leases_run_out(s)
        s.history.happened("healed")
        await load
        await s.drained(30)
        verdict = await s.verdict(mails=True)
        assert [finding for finding in verdict.doubled if "(sent) came 2 times" in finding], verdict.line()
