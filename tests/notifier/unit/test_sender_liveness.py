"""A sender whose loop hangs is told by /alive; one that waits for others is not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from chassis.unavailable import Unavailable
from notifier.ports import Work
from tests.chassis.items import until
from tests.notifier.samples import delivery
from tests.notifier.unit.test_sending import Office, open_office

SILENT = timedelta(seconds=46)


def office_on(begin: Callable[[Office], AsyncIterator[Work]]) -> Office:
    office = Office()
    office.sender._begin = asynccontextmanager(lambda: begin(office))
    return office


async def hangs(_office: Office) -> AsyncIterator[Work]:
    await asyncio.Event().wait()
    yield _office.database  # type: ignore[misc]


async def away(_office: Office) -> AsyncIterator[Work]:
    raise Unavailable
    yield _office.database  # type: ignore[unreachable]


async def test_a_sender_whose_loop_hangs_is_not_alive() -> None:
    """A claim that never ends keeps its loop from coming round."""
    office = office_on(hangs)
    task = asyncio.create_task(office.sender.run())
    await until(lambda: "send_due_mails" in office.sender._health._beats)
    assert office.sender._health.alive()
    office.clock.advance(SILENT)
    office.sender.wake()
    await asyncio.sleep(0.05)
    assert not office.sender._health.alive()
    task.cancel()
    await asyncio.wait({task}, timeout=5)


async def test_a_sender_without_its_database_is_alive() -> None:
    """A claim that fails is tried again by a loop that comes round."""
    office = office_on(away)
    async with open_office(office):
        await until(lambda: "send_due_mails" in office.sender._health._beats)
        office.clock.advance(SILENT)
        office.sender.wake()
        await until(office.sender._health.alive)


async def test_a_sender_whose_mail_server_is_silent_is_alive() -> None:
    """Mails on their way do not keep the loop from coming round."""
    office = Office()
    office.mailer.before_dot = asyncio.Event().wait  # type: ignore[assignment]
    await office.queue(delivery())
    async with open_office(office):
        await until(lambda: office.mailer.running == 1)
        office.clock.advance(SILENT)
        office.sender.wake()
        await until(office.sender._health.alive)
        assert office.mailer.running == 1
