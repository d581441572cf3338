"""The SMTP step against a server that misbehaves in each phase: the right answer, and never a dot without leave."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.testing.frozen_clock import FrozenClock
from notifier.adapters.smtp_connection import SmtpServer, Tls
from notifier.adapters.smtp_mailer import IDLE_SECONDS, MOST_USES, SmtpMailer
from notifier.domain import Answer, Phase, State, judge
from notifier.ports import MailUnsafe, Message, Outcome, Withdrawn
from tests.notifier.certificates import contexts
from tests.notifier.smtp_server import MisbehavingServer, Reply, at, misbehaving

CHUNKS = (b"Subject: x\r\n\r\nText\r\n..dot\r\n", b"a" * 70_000 + b"\r\n", b"end\r\n")
MESSAGE = Message("portal@secanim.example", "max@hof.example", CHUNKS)
CLOCK = FrozenClock()


async def yes() -> bool:
    return True


async def send(
    mailer: SmtpMailer,
    message: Message = MESSAGE,
    *,
    still_mine: Callable[[], bool] = lambda: True,
    may_finish: Callable[[], Awaitable[bool]] = yes,
) -> Outcome:
    return await mailer.send(message, still_mine=still_mine, may_finish=may_finish)


@asynccontextmanager
async def mailer_to(
    server: MisbehavingServer, *, tls: Tls = "none", context: ssl.SSLContext | None = None
) -> AsyncIterator[SmtpMailer]:
    limits = {"dot_seconds": 0.3, "reply_seconds": 0.3, "body_seconds": 0.5}
    mailer = SmtpMailer(SmtpServer("127.0.0.1", server.port, "portal.example", tls, context, **limits), CLOCK)
    try:
        yield mailer
    finally:
        await mailer.close()


@pytest.mark.parametrize("pipelining", [False, True])
async def test_a_mail_arrives_as_it_was_made(*, pipelining: bool) -> None:
    """The envelope as planned, the dots unstuffed, the answer of the dot."""
    async with misbehaving(pipelining=pipelining) as server, mailer_to(server) as mailer:
        outcome = await send(mailer)
        assert outcome.answer == Answer(Phase.DOT, 250, "2.0.0 queued")
        [mail] = server.accepted
        assert (mail.sender, mail.recipient) == (MESSAGE.sender, MESSAGE.recipient)
        assert mail.content == b"".join(CHUNKS).replace(b"\r\n..", b"\r\n.")
        assert f"MAIL FROM:<portal@secanim.example> SIZE={MESSAGE.size}" in server.commands


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize(
    ("phase", "reply", "state"),
    [
        ("greeting", b"421 busy", State.DELAYED),
        ("greeting", b"554 go away", State.DELAYED),
        ("greeting", b"hello?", State.DELAYED),
        ("greeting", "reset", State.DELAYED),
        ("ehlo", b"500 what", State.DELAYED),
        ("mail", b"451 later", State.DELAYED),
        ("mail", b"552 5.3.4 too large", State.FAILED),
        ("mail", "hang", State.DELAYED),
        ("rcpt", b"450 greylisted", State.DELAYED),
        ("rcpt", b"421 closing", State.DELAYED),
        ("rcpt", b"550 5.1.1 no such user", State.BOUNCED),
        ("rcpt", "hang", State.DELAYED),
        ("rcpt", "reset", State.DELAYED),
        ("data", b"451 later", State.DELAYED),
        ("data", b"554 no", State.FAILED),
        ("body", "reset", State.DELAYED),
        ("body", "close", State.DELAYED),
        ("dot", b"421 closing", State.DELAYED),
        ("dot", b"451 later", State.DELAYED),
        ("dot", b"550 5.1.1 no such user", State.BOUNCED),
        ("dot", b"552 5.2.2 full", State.BOUNCED),
        ("dot", b"554 5.7.1 spam", State.FAILED),
        ("dot", "reset", State.UNKNOWN),
        ("dot", "close", State.UNKNOWN),
        ("dot", "hang", State.UNKNOWN),
        ("dot", b"nonsense", State.UNKNOWN),
    ],
)
async def test_each_misbehaviour_has_its_state(phase: str, reply: Reply, state: State, *, pipelining: bool) -> None:
    """What happened before the dot is never unknown, what happened after it never delayed by silence."""
    async with misbehaving(at(phase, reply), pipelining=pipelining) as server, mailer_to(server) as mailer:
        outcome = await send(mailer)
        assert judge(outcome.answer) is state
        assert server.accepted == []
        if outcome.late is not None:
            assert await asyncio.wait_for(_closed_late(mailer, outcome), 5) is None


async def _closed_late(mailer: SmtpMailer, outcome: Outcome) -> Answer | None:
    """A late answer is awaited for minutes; closing the mailer ends that."""
    assert outcome.late is not None
    waiting = asyncio.ensure_future(outcome.late)
    await asyncio.sleep(0)
    await mailer.close()
    return await waiting


async def test_a_server_that_is_not_there_is_away() -> None:
    """Nothing listens: nobody judged the mail."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = SmtpServer("127.0.0.1", unused.getsockname()[1], "portal.example")
        outcome = await send(SmtpMailer(server, CLOCK))
    assert outcome.answer.relay_is_away
    assert judge(outcome.answer) is State.DELAYED


async def test_a_server_that_reads_too_slowly_delays() -> None:
    """A body that does not get through in time is not handed over."""
    large = Message("a@b.example", "c@d.example", (b"x" * 60 + b"\r\n",) * 400_000)
    async with misbehaving(at("body", "hang")) as server, mailer_to(server) as mailer:
        outcome = await send(mailer, large)
        assert (outcome.answer.phase, outcome.answer.code) == (Phase.BODY, None)


@pytest.mark.parametrize("pipelining", [False, True])
async def test_without_leave_there_is_no_dot(*, pipelining: bool) -> None:
    """The connection closes, and the server throws away what it read."""

    async def no() -> bool:
        return False

    async with misbehaving(pipelining=pipelining) as server, mailer_to(server) as mailer:
        with pytest.raises(Withdrawn):
            await send(mailer, may_finish=no)
        await asyncio.sleep(0.05)
        assert (server.seen, server.open) == ([], 0)


async def test_who_lost_the_mail_before_data_resets() -> None:
    """The transaction that was begun is taken back, and the connection serves the next mail."""
    answers = iter([True, False])
    async with misbehaving() as server, mailer_to(server) as mailer:
        with pytest.raises(Withdrawn):
            await send(mailer, still_mine=lambda: next(answers))
        assert server.commands[-1] == "RSET"
        await send(mailer)
        assert (server.connections, len(server.accepted)) == (1, 1)


async def test_the_dot_waits_for_the_mark() -> None:
    """Between body and dot the server has everything and accepts nothing."""
    asked, leave = asyncio.Event(), asyncio.Event()

    async def may_finish() -> bool:
        asked.set()
        await leave.wait()
        return True

    async with misbehaving() as server, mailer_to(server) as mailer:
        sending = asyncio.create_task(send(mailer, may_finish=may_finish))
        await asked.wait()
        await asyncio.sleep(0.05)
        assert server.seen == []
        leave.set()
        assert (await sending).answer.code == 250


async def test_a_connection_lost_while_waiting_for_the_mark_is_no_unknown() -> None:
    """The dot was never written."""

    async def may_finish() -> bool:
        await asyncio.sleep(0.1)
        return True

    small = Message("a@b.example", "c@d.example", (b"x\r\n",))
    async with misbehaving(at("body", "close")) as server, mailer_to(server) as mailer:
        outcome = await send(mailer, small, may_finish=may_finish)
        assert judge(outcome.answer) is State.DELAYED


async def test_connections_are_kept() -> None:
    """One after the other, mails share a connection; a refused recipient does not end it."""
    refuse = {"no@hof.example"}
    async with (
        misbehaving(lambda phase, to: b"550 5.1.1 no" if phase == "rcpt" and to in refuse else None) as server,
        mailer_to(server) as mailer,
    ):
        for recipient in ("a@hof.example", "no@hof.example", "b@hof.example"):
            await send(mailer, replace(MESSAGE, recipient=recipient))
        assert [mail.recipient for mail in server.accepted] == ["a@hof.example", "b@hof.example"]
        assert server.connections == 1


@pytest.mark.parametrize("pipelining", [False, True])
async def test_a_server_that_wants_a_login_is_asked_afresh(*, pipelining: bool) -> None:
    """What it holds against us may hang on the connection: the next mail comes on a new one."""
    told: list[Reply | None] = [b"530 5.7.0 Authentication required", None]
    async with (
        misbehaving(lambda phase, _: told.pop(0) if phase == "mail" else None, pipelining=pipelining) as server,
        mailer_to(server) as mailer,
    ):
        assert (await send(mailer)).answer.relay_is_away
        assert (await send(mailer)).answer.code == 250
        assert (server.connections, len(server.accepted)) == (2, 1)


async def test_as_many_connections_as_mails_on_their_way() -> None:
    """No mail waits for another one's connection."""
    async with misbehaving() as server, mailer_to(server) as mailer:
        await asyncio.gather(*(send(mailer) for _ in range(5)))
        await asyncio.gather(*(send(mailer) for _ in range(5)))
        assert (server.connections, len(server.accepted)) == (5, 10)


@pytest.mark.parametrize("goodbye", [b"421 4.4.2 timeout", "close"])
async def test_a_connection_given_up_by_the_server_is_replaced(goodbye: Reply) -> None:
    """Nothing of the mail was judged, so it goes over a fresh one at once."""
    told: list[Reply | None] = [None, goodbye, None]
    async with misbehaving(lambda phase, _: told.pop(0) if phase == "mail" else None) as server:
        async with mailer_to(server) as mailer:
            await send(mailer)
            assert (await send(mailer)).answer.code == 250
        assert server.connections == 2


async def test_idle_and_worn_connections_are_left() -> None:
    """After a while without work, and after many mails, the server is told goodbye."""
    clock = FrozenClock()
    async with misbehaving() as server:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", server.port, "portal.example"), clock)
        for _ in range(MOST_USES + 1):
            await send(mailer, replace(MESSAGE, chunks=(b"x\r\n",)))
        assert server.connections == 2
        clock.advance(timedelta(seconds=IDLE_SECONDS + 1))
        mailer.tidy()
        await asyncio.sleep(0.05)
        assert (server.open, server.commands.count("QUIT")) == (0, 2)
        await mailer.close()


async def test_a_late_answer_still_comes() -> None:
    """Unknown at once; then what the server says after all."""
    async with misbehaving() as server, mailer_to(server) as mailer:
        server.late_seconds = 0.6
        outcome = await send(mailer)
        assert judge(outcome.answer) is State.UNKNOWN
        assert outcome.late is not None
        assert await outcome.late == Answer(Phase.DOT, 250, "2.0.0 queued")


async def test_a_pipelining_server_that_wants_a_body_for_nobody_gets_none() -> None:
    """All recipients refused, DATA agreed to: the connection closes (RFC 2920)."""
    async with misbehaving(at("rcpt", b"550 no"), pipelining=True) as server, mailer_to(server) as mailer:
        outcome = await send(mailer)
        assert judge(outcome.answer) is State.BOUNCED
        await asyncio.sleep(0.05)
        assert (server.seen, server.open) == ([], 0)


@pytest.mark.parametrize("address", ["a@b>\r\nDATA", "a\nb@c.example", "ü@b.example"])
async def test_no_command_is_smuggled(address: str) -> None:
    """An address that is no address ends the step before anything of it goes out."""
    async with misbehaving() as server, mailer_to(server) as mailer:
        with pytest.raises(MailUnsafe):
            await send(mailer, replace(MESSAGE, recipient=address))
        assert server.commands == ["EHLO portal.example", "RSET"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server for 127.0.0.1 and of a client that trusts it."""
    return contexts(tmp_path_factory.mktemp("tls"))


async def test_starttls_encrypts(authority: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Greeted twice, and the mail arrives."""
    server_side, client_side = authority
    async with (
        misbehaving(tls=server_side) as server,
        mailer_to(server, tls="starttls", context=client_side) as mailer,
    ):
        assert (await send(mailer)).answer.code == 250
        assert server.commands.count("EHLO portal.example") == 2


async def test_starttls_is_no_matter_of_luck(authority: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """A server without it, or with a foreign certificate, gets nothing."""
    without, foreign = misbehaving(at("starttls", b"454 not now"), tls=authority[0]), misbehaving(tls=authority[0])
    async with without as server, mailer_to(server, tls="starttls", context=authority[1]) as mailer:
        assert (await send(mailer)).answer.relay_is_away
    async with foreign as server, mailer_to(server, tls="starttls") as mailer:
        assert (await send(mailer)).answer.relay_is_away
        assert server.accepted == []
