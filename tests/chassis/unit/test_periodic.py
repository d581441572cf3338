"""Jobs that run every so often: never twice at a time, not ended by one failure, stopped at once."""

import asyncio
from datetime import timedelta

from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from chassis.lifecycle import Periodic


async def test_a_job_runs_at_once_and_again() -> None:
    """The first round does not wait; a failing round is told and does not prevent the next."""
    rounds = 0
    third = asyncio.Event()

    async def job() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            third.set()
        raise LookupError("this time")

    periodic = Periodic("prune", timedelta(milliseconds=1), job)
    with capture_logs() as lines:
        running = asyncio.create_task(periodic.run())
        await asyncio.wait_for(third.wait(), 5)
        periodic.stop()
        await asyncio.wait_for(running, 5)
    assert {(line["event"], line["job"]) for line in lines} == {("job_failed", "prune")}
    assert (REGISTRY.get_sample_value("kundenportal_job_failures_total", {"name": "prune"}) or 0) >= 2


async def test_a_round_under_way_is_finished() -> None:
    """The stop waits for the round at work, and starts no further one."""
    entered, may_end, rounds = asyncio.Event(), asyncio.Event(), 0

    async def job() -> None:
        nonlocal rounds
        entered.set()
        await may_end.wait()
        rounds += 1

    periodic = Periodic("prune", timedelta(0), job)
    running = asyncio.create_task(periodic.run())
    await entered.wait()
    periodic.stop()
    await asyncio.sleep(0)
    assert not running.done()
    may_end.set()
    await asyncio.wait_for(running, 5)
    assert rounds == 1


async def test_stopped_before_it_ran_it_does_nothing() -> None:
    """A stop that comes before the start is not forgotten."""

    async def job() -> None:
        raise AssertionError("must not run")

    periodic = Periodic("prune", timedelta(hours=1), job)
    periodic.stop()
    await asyncio.wait_for(periodic.run(), 5)
