"""The sender on in-memory ports: claims, marks, outcomes, leases, and what happens when something is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from chassis.health import Health
from chassis.testing.frozen_clock import FrozenClock
from notifier.adapters.jinja_mail_writer import JinjaMailWriter, Sender
from notifier.adapters.mime_message import lines_of
from notifier.domain import Answer, Document, Form, NewDelivery, Phase, State
from notifier.ports import AttachmentUnavailable, EncodedFile, Message, SecretUnreadable
from notifier.use_cases.attempt_delivery import AttemptDelivery
from notifier.use_cases.compose_mail import ComposeMail
from notifier.use_cases.record_progress import RecordProgress
from notifier.use_cases.recover_expired_leases import RecoverExpiredLeases
from notifier.use_cases.send_due_mails import SendDueMails
from tests.notifier.fakes import DeliveryRow, MemoryDatabase, ScriptedMailer
from tests.notifier.samples import credential_delivery, delivery, document
from tests.notifier.unit.test_mail_writer import BRAND

DOT_OK = Answer(Phase.DOT, 250, "ok")


class Attachments:
    def __init__(self) -> None:
        self.away = False

    async def fetch(self, document: Document) -> EncodedFile:
        if self.away:
            raise AttachmentUnavailable("storage: TimeoutError")
        return EncodedFile(lines_of(b"%PDF" * (document.size // 4)), document.media_type)


class Secrets:
    def open(self, secret: str) -> str:
        if secret != "sealed":
            raise SecretUnreadable("InvalidKeyIdError")
        return "k7mq-x4hd"


class Office:
    """A sender with everything around it in memory."""

    def __init__(self, answer: Callable[[Message], Answer | None] = lambda _: DOT_OK, width: int = 8) -> None:
        self.clock = FrozenClock()
        self.database = MemoryDatabase(self.clock)
        self.mailer, self.attachments = ScriptedMailer(answer), Attachments()
        writer = JinjaMailWriter(
            sender=Sender("Portal", "p@s.example"), public_url="https://portal.example", brand=BRAND
        )
        self.progress = RecordProgress(self.database.begin, self.clock)
        compose = ComposeMail(writer, self.attachments, Secrets(), most_bytes=100_000)
        self.sender = SendDueMails(
            begin=self.database.begin,
            attempt=AttemptDelivery(compose=compose, mailer=self.mailer, progress=self.progress, clock=self.clock),
            progress=self.progress,
            mailer=self.mailer,
            connections=width,
            finish_seconds=1,
            clock=self.clock,
            health=Health(self.clock),
        )
        self.recover = RecoverExpiredLeases(self.database.begin, self.clock)

    async def queue(self, *deliveries: NewDelivery) -> None:
        async with self.database.begin() as work:
            await work.documents.remember([each.document for each in deliveries if each.document])
            await work.deliveries.queue(list(deliveries))

    @property
    def rows(self) -> list[DeliveryRow]:
        return list(self.database.rows.deliveries.values())

    async def until(self, *states: State) -> None:
        async with asyncio.timeout(5):
            while sorted(self.database.states()) != sorted(states):
                self.sender.wake()
                await asyncio.sleep(0.005)

    def said(self) -> list[str]:
        return [row.ce_type.split(".")[1] for row in self.database.outbox.rows]


@asynccontextmanager
async def open_office(office: Office) -> AsyncIterator[Office]:
    running = asyncio.create_task(office.sender.run())
    try:
        yield office
    finally:
        office.sender.stop()
        await asyncio.wait_for(running, 5)


async def test_a_due_mail_is_sent_and_told() -> None:
    """Queued, sent, MailSent."""
    async with open_office(Office()) as office:
        await office.queue(delivery())
        await office.until(State.SENT)
        assert office.said() == ["MailSent"]
        assert len(office.mailer.accepted) == 1


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (Answer(Phase.RCPT, 450, "greylisted"), State.DELAYED, "MailDelayed"),
        (Answer(Phase.RCPT, 550, "5.1.1 no"), State.BOUNCED, "MailBounced"),
        (Answer(Phase.DOT, 554, "5.7.1 spam"), State.FAILED, "MailFailed"),
        (Answer(Phase.DOT, None, "reset"), State.UNKNOWN, "MailUnknown"),
        (Answer(Phase.CONNECT, None, "refused"), State.DELAYED, "MailDelayed"),
    ],
)
async def test_each_answer_is_written_down_and_told(answer: Answer, state: State, said: str) -> None:
    """With what the other side said as the reason."""
    async with open_office(Office(lambda _: answer)) as office:
        await office.queue(delivery())
        await office.until(state)
        assert office.said() == [said]
        assert office.rows[0].reason == answer.words


async def test_the_same_delay_is_told_once() -> None:
    """A server that says the same for days fills no topic."""
    async with open_office(Office(lambda _: Answer(Phase.RCPT, 450, "greylisted"))) as office:
        await office.queue(delivery())
        for attempt in range(1, 4):
            await office.until(State.DELAYED)
            assert office.rows[0].attempt == attempt
            office.clock.advance(timedelta(minutes=2))
            async with asyncio.timeout(5):
                while office.rows[0].attempt == attempt:
                    office.sender.wake()
                    await asyncio.sleep(0.005)
        assert office.said() == ["MailDelayed"]


async def test_after_five_days_a_delayed_mail_is_given_up() -> None:
    """It ends with the last reason, and not in silence."""
    async with open_office(Office(lambda _: Answer(Phase.RCPT, 450, "greylisted"))) as office:
        await office.queue(delivery())
        await office.until(State.DELAYED)
        office.clock.advance(timedelta(days=5, minutes=1))
        await office.until(State.FAILED)
        assert office.rows[0].reason == "given up after 5 days: rcpt: 450 greylisted"


async def test_a_late_answer_finds_its_way() -> None:
    """Unknown at once, sent when the server says so after all."""
    office = Office(lambda _: Answer(Phase.DOT, None, "no answer"))
    late: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
    office.mailer.late = late
    async with open_office(office):
        await office.queue(delivery())
        await office.until(State.UNKNOWN)
        late.set_result(DOT_OK)
        await office.until(State.SENT)
        assert office.said() == ["MailUnknown", "MailSent"]


async def test_an_unknown_document_mail_is_not_sent_again() -> None:
    """Only a person may decide that."""
    async with open_office(Office(lambda _: Answer(Phase.DOT, None, "reset"))) as office:
        await office.queue(delivery())
        await office.until(State.UNKNOWN)
        office.clock.advance(timedelta(days=1))
        await office.until(State.UNKNOWN)
        assert len(office.mailer.accepted) == 1


async def test_an_unknown_password_mail_is_sent_again_with_the_same_id() -> None:
    """Its purpose's rule: without it nobody gets in."""
    answers = [Answer(Phase.DOT, None, "reset"), DOT_OK]
    async with open_office(Office(lambda _: answers.pop(0))) as office:
        await office.queue(credential_delivery(office.clock.now() + timedelta(days=14)))
        await office.until(State.UNKNOWN)
        office.clock.advance(timedelta(minutes=2))
        await office.until(State.SENT)
        ids = {message_from_bytes(b"".join(mail.chunks))["Message-ID"] for mail in office.mailer.accepted}
        assert (len(office.mailer.accepted), len(ids)) == (2, 1)
        assert office.rows[0].new.credential is not None
        assert office.rows[0].new.credential.secret is None


async def test_a_secret_that_no_key_opens_fails() -> None:
    """With a reason that says so, without any of the secret."""
    new = credential_delivery(FrozenClock().now() + timedelta(days=14))
    foreign = credential_delivery(FrozenClock().now() + timedelta(days=14), address="zwei@hof.example")
    assert foreign.credential is not None
    object.__setattr__(foreign.credential, "secret", "foreign")
    async with open_office(Office()) as office:
        await office.queue(new, foreign)
        await office.until(State.SENT, State.FAILED)
        assert {row.reason for row in office.rows} == {None, "mail: no key of this service opens its secret"}


async def test_an_expired_password_is_not_sent() -> None:
    """Nobody needs a password that opens nothing."""
    async with open_office(Office()) as office:
        await office.queue(credential_delivery(office.clock.now()))
        await office.until(State.FAILED)
        assert office.mailer.accepted == []


async def test_a_missing_attachment_delays() -> None:
    """Storage that is away says nothing about the document."""
    office = Office()
    office.attachments.away = True
    async with open_office(office):
        await office.queue(delivery(form=Form.ATTACHMENT))
        await office.until(State.DELAYED)
        office.attachments.away = False
        office.clock.advance(timedelta(minutes=1))
        await office.until(State.SENT)


@pytest.mark.parametrize(("size", "form"), [(60_000, Form.ATTACHMENT), (70_000, Form.NOTICE), (10**7, Form.NOTICE)])
async def test_a_mail_over_the_cap_becomes_a_notice(size: int, form: Form) -> None:
    """And the log says in which form it went."""
    async with open_office(Office()) as office:
        await office.queue(delivery(document(size=size), form=Form.ATTACHMENT))
        await office.until(State.SENT)
        mail = message_from_bytes(b"".join(office.mailer.accepted[0].chunks), policy=policy.default)
        assert (len(list(mail.iter_attachments())) == 1) == (form is Form.ATTACHMENT)
        assert office.rows[0].new.form is form
        assert f'"form":"{form}"'.encode() in (office.database.outbox.rows[0].value or b"")


async def test_a_mail_of_a_removed_document_is_not_sent() -> None:
    """Also where it was delayed when the document went."""
    async with open_office(Office(lambda _: Answer(Phase.RCPT, 450, "later"))) as office:
        about = document()
        await office.queue(delivery(about))
        await office.until(State.DELAYED)
        async with office.database.begin() as work:
            await work.documents.remove(about.document_id, None)
        office.clock.advance(timedelta(minutes=1))
        await office.until(State.SUPPRESSED)


async def test_without_a_committed_mark_there_is_no_dot() -> None:
    """The database goes away while the body is out: nothing is accepted, and the mail goes out later, once."""
    office = Office()
    away = asyncio.Event()

    async def database_goes() -> None:
        if not away.is_set():
            office.database.away = True
            away.set()

    office.mailer.before_dot = database_goes
    async with open_office(office):
        await office.queue(delivery())
        office.sender.wake()
        await asyncio.wait_for(away.wait(), 5)
        await asyncio.sleep(0.1)
        assert office.mailer.accepted == []
        office.database.away = False
        await office.until(State.DELAYED)
        office.clock.advance(timedelta(minutes=1))
        await office.until(State.SENT)
        assert len(office.mailer.accepted) == 1


async def test_an_accepted_mail_is_not_forgotten_while_the_database_is_away() -> None:
    """The outcome waits in memory until it can be written."""
    office = Office()

    def answer(_: Message) -> Answer:
        office.clock.advance(timedelta(seconds=0))
        return DOT_OK

    office.mailer.answer = answer
    async with open_office(office):
        await office.queue(delivery())
        async with asyncio.timeout(5):
            while not office.mailer.accepted:
                office.sender.wake()
                await asyncio.sleep(0)
        office.database.away = True
        await asyncio.sleep(0.05)
        office.database.away = False
        await office.until(State.SENT)


async def test_the_dot_needs_ten_seconds_of_the_lease() -> None:
    """A sender that slept too long closes instead, and does not touch what is no longer its own."""
    office = Office()

    async def sleep_long() -> None:
        office.clock.advance(timedelta(seconds=31))
        await office.recover()

    office.mailer.before_dot = sleep_long
    async with open_office(office):
        await office.queue(delivery())
        async with asyncio.timeout(5):
            while office.mailer.running or not office.rows[0].attempt:
                office.sender.wake()
                await asyncio.sleep(0.005)
        assert office.mailer.accepted == []


async def test_a_stop_puts_back_what_was_not_begun() -> None:
    """What is on its way comes to its end, the rest is due at once for the next process."""
    office = Office(width=1)
    gate = asyncio.Event()
    office.mailer.before_dot = gate.wait  # type: ignore[assignment]
    async with open_office(office):
        await office.queue(*(delivery(address=f"u{number}@hof.example") for number in range(3)))
        async with asyncio.timeout(5):
            while not office.mailer.running:
                office.sender.wake()
                await asyncio.sleep(0.005)
        office.sender.stop()
        await asyncio.sleep(0.02)
        gate.set()
    assert sorted(office.database.states()) == sorted([State.SENT, State.QUEUED, State.QUEUED])


@pytest.mark.parametrize(
    "refusal", [Answer(Phase.CONNECT, None, "refused"), Answer(Phase.MAIL, 530, "5.7.0 Authentication required")]
)
async def test_a_server_that_is_away_is_asked_by_one_mail(refusal: Answer) -> None:
    """A hundred mails wait as they were; when it takes mail again they all go."""
    office = Office(lambda _: refusal)
    async with open_office(office):
        await office.queue(*(delivery(address=f"u{number}@hof.example") for number in range(100)))
        for _ in range(20):
            office.sender.wake()
            await asyncio.sleep(0.005)
        assert office.database.states().count(State.DELAYED) < 10
        office.mailer.answer = lambda _: DOT_OK
        office.clock.advance(timedelta(minutes=1))
        await office.until(*[State.SENT] * 100)


async def test_a_slow_domain_slows_no_other() -> None:
    """While its mails hang, those of others go out."""
    office = Office(width=4)
    gate = asyncio.Event()

    async def hang() -> None:
        await gate.wait()

    class SlowDomain(ScriptedMailer):
        async def send(self, message: Message, **how: object) -> object:  # type: ignore[override]
            if message.recipient.endswith("@slow.example"):
                await hang()
            return await super().send(message, **how)  # type: ignore[arg-type]

    office.sender._attempt._mailer = SlowDomain()  # type: ignore[assignment]
    async with open_office(office):
        slow = [delivery(address=f"u{number}@slow.example") for number in range(20)]
        fast = [delivery(address=f"u{number}@fast{number}.example") for number in range(20)]
        await office.queue(*slow, *fast)
        async with asyncio.timeout(5):
            while office.database.states().count(State.SENT) < 20:
                office.sender.wake()
                await asyncio.sleep(0.005)
        gate.set()
        await office.until(*[State.SENT] * 40)
