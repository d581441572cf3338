"""What the metrics show of mails: each end once and only when it is written, connections that come and go, what waits."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from chassis.testing.frozen_clock import FrozenClock
from notifier.adapters.smtp_connection import SmtpServer
from notifier.adapters.smtp_mailer import SmtpMailer
from notifier.domain import Answer, Backlog, Phase, State
from notifier.ports import Message, Result, Ticket
from notifier.use_cases.measure_backlog import MeasureBacklog
from tests.notifier.samples import delivery
from tests.notifier.smtp_server import misbehaving
from tests.notifier.unit.test_sending import Office, open_office

MESSAGE = Message("portal@secanim.example", "max@hof.example", (b"Subject: x\r\n\r\nText\r\n",))


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@contextmanager
def rises(by: float, name: str, **labels: str) -> Iterator[None]:
    before = value(name, **labels)
    yield
    assert value(name, **labels) - before == by


@pytest.mark.parametrize("state", [State.SENT, State.UNKNOWN, State.BOUNCED])
async def test_each_end_is_counted_by_its_state(state: State) -> None:
    """An operator sees how many went out and how many are in doubt."""
    answers = {
        State.SENT: Answer(Phase.DOT, 250, "ok"),
        State.UNKNOWN: Answer(Phase.DOT, None, "reset"),
        State.BOUNCED: Answer(Phase.RCPT, 550, "5.1.1 no"),
    }
    with (
        rises(1, "kundenportal_mails_total", outcome=state.value),
        rises(1, "kundenportal_smtp_step_seconds_count"),
        rises(state is State.SENT, "kundenportal_mail_seconds_count"),
    ):
        async with open_office(Office(lambda _: answers[state])) as office:
            await office.queue(delivery())
            await office.until(state)
    assert value("kundenportal_mails_in_hand") == 0


async def marked(office: Office) -> Ticket:
    """A mail whose dot may go out, in nobody's hands."""
    await office.queue(delivery())
    async with office.database.begin() as work:
        [mail] = await work.deliveries.claim(1, ())
        await work.deliveries.mark_dot_pending([mail.ticket])
    ticket: Ticket = mail.ticket
    return ticket


async def test_an_end_counts_when_it_is_written() -> None:
    """While the database is away nothing has ended yet; it counts once it is there again."""
    office = Office()
    ticket = await marked(office)
    office.database.away = True
    recorder = asyncio.create_task(office.progress.run())
    with rises(1, "kundenportal_mails_total", outcome="sent"):
        with rises(0, "kundenportal_mails_total", outcome="sent"):
            office.progress.settle(Result(ticket, State.SENT))
            await office.progress.drain(0.05)
        office.database.away = False
        await office.progress.drain(5)
    recorder.cancel()
    assert office.database.states() == [State.SENT]


async def test_who_died_after_the_dot_counts_as_unknown() -> None:
    """The job that finds the row counts it, as nobody else is left to do so."""
    office = Office()
    await marked(office)
    office.clock.advance(timedelta(seconds=31))
    with rises(1, "kundenportal_mails_total", outcome="unknown"):
        await office.recover()
        await office.recover()


async def test_the_mail_server_is_shown_as_away() -> None:
    """Until it greets again."""
    answers = [Answer(Phase.CONNECT, None, "refused")]
    async with open_office(Office(lambda _: answers[-1])) as office:
        await office.queue(delivery())
        await office.until(State.DELAYED)
        assert value("kundenportal_smtp_away") == 1
        answers.append(Answer(Phase.DOT, 250, "ok"))
        office.clock.advance(timedelta(minutes=1))
        await office.until(State.SENT)
        assert value("kundenportal_smtp_away") == 0


async def test_a_connection_is_counted_from_its_opening_to_its_end() -> None:
    """Kept ones included; however a connection ends, it is counted out once."""

    async def yes() -> bool:
        return True

    before = value("kundenportal_smtp_connections")
    async with misbehaving() as server:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", server.port, "portal.example"), FrozenClock())
        await asyncio.gather(*(mailer.send(MESSAGE, still_mine=lambda: True, may_finish=yes) for _ in range(3)))
        assert value("kundenportal_smtp_connections") == before + 3
        server.script = lambda phase, _: "reset" if phase == "rcpt" else None
        await mailer.send(MESSAGE, still_mine=lambda: True, may_finish=yes)
        assert value("kundenportal_smtp_connections") == before + 2
        await mailer.close()
    assert value("kundenportal_smtp_connections") == before


async def test_what_waits_is_shown_by_state() -> None:
    """A state in which nothing waits any more falls back to 0."""
    found = [Backlog({State.QUEUED: 3}, 12.5), Backlog({State.DELAYED: 2}, 0.0)]

    async def count() -> Backlog:
        return found.pop(0)

    measure = MeasureBacklog(count)
    await measure()
    assert value("kundenportal_mails_waiting", state="queued") == 3
    assert value("kundenportal_mails_oldest_due_seconds") == 12.5
    await measure()
    assert value("kundenportal_mails_waiting", state="queued") == 0
    assert value("kundenportal_mails_waiting", state="delayed") == 2
    assert value("kundenportal_mails_oldest_due_seconds") == 0
