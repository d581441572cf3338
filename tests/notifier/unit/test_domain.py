"""The rules of a delivery: who gets which form, what an answer means, when to try again."""

from datetime import timedelta
from uuid import uuid4

import pytest

from kundenportal_contracts.documents import DOCUMENT_TYPES
from notifier.domain import (
    ALLOWED_FROM,
    Answer,
    Form,
    Mode,
    NotificationSettings,
    Person,
    Phase,
    Recipient,
    State,
    address_key,
    deliverable,
    encoded_size,
    judge,
    plan_document_mails,
    try_again_after,
)
from tests.notifier.samples import delivery, document


def recipient(address: str, mode: Mode = Mode.NOTICE, last_name: str = "Mustermann", language: str = "de") -> Recipient:
    return Recipient(uuid4(), "4711", address, Person(language, "mr", "Max", last_name), NotificationSettings(mode))


@pytest.mark.parametrize(
    ("phase", "code", "text", "state"),
    [
        (Phase.CONNECT, None, "refused", State.DELAYED),
        (Phase.HELLO, 554, "no service", State.DELAYED),
        (Phase.HELLO, 421, "busy", State.DELAYED),
        (Phase.MAIL, 451, "later", State.DELAYED),
        (Phase.MAIL, 552, "too large", State.FAILED),
        (Phase.MAIL, 530, "5.7.0 Authentication required", State.DELAYED),
        (Phase.MAIL, 530, "Must issue a STARTTLS command first", State.DELAYED),
        (Phase.MAIL, 534, "5.7.9 mechanism too weak", State.DELAYED),
        (Phase.MAIL, 535, "5.7.8 credentials invalid", State.DELAYED),
        (Phase.MAIL, 538, "5.7.11 encryption required", State.DELAYED),
        (Phase.MAIL, 530, "5.1.8 bad sender", State.BOUNCED),
        (Phase.MAIL, 550, "5.7.1 sender refused", State.FAILED),
        (Phase.MAIL, 553, "5.7.1 not your address", State.FAILED),
        (Phase.RCPT, 450, "greylisted", State.DELAYED),
        (Phase.RCPT, 530, "SMTP authentication is required.", State.DELAYED),
        (Phase.RCPT, 550, "5.7.1 relaying denied", State.BOUNCED),
        (Phase.RCPT, 554, "5.7.1 relay access denied", State.BOUNCED),
        (Phase.RCPT, 550, "5.1.1 no such user", State.BOUNCED),
        (Phase.DATA, 554, "no", State.FAILED),
        (Phase.DATA, None, "reset", State.DELAYED),
        (Phase.BODY, None, "reset", State.DELAYED),
        (Phase.DOT, 250, "ok", State.SENT),
        (Phase.DOT, 421, "closing", State.DELAYED),
        (Phase.DOT, 451, "later", State.DELAYED),
        (Phase.DOT, 530, "5.7.57 client was not authenticated", State.DELAYED),
        (Phase.DOT, 550, "5.1.1 no such user", State.BOUNCED),
        (Phase.DOT, 552, "5.2.2 mailbox full", State.BOUNCED),
        (Phase.DOT, 554, "5.7.1 spam", State.FAILED),
        (Phase.DOT, None, "reset", State.UNKNOWN),
        (Phase.DOT, 354, "what?", State.UNKNOWN),
    ],
)
def test_each_answer_has_its_state(phase: Phase, code: int | None, text: str, state: State) -> None:
    """Before the dot nothing is handed over; after it only an answer tells."""
    assert judge(Answer(phase, code, text)) is state


@pytest.mark.parametrize(
    ("phase", "code", "away"),
    [
        (Phase.HELLO, 554, True),
        (Phase.MAIL, 530, True),
        (Phase.MAIL, 538, True),
        (Phase.MAIL, 550, False),
        (Phase.MAIL, 451, False),
        (Phase.MAIL, None, False),
        (Phase.RCPT, 530, False),
    ],
)
def test_a_server_that_takes_no_mail_from_us_is_away(phase: Phase, code: int | None, *, away: bool) -> None:
    """It wants a login or TLS before any mail; where it took the sender, others may still get theirs."""
    assert Answer(phase, code, "no").relay_is_away is away


def test_an_answer_is_shown_on_one_line() -> None:
    """What a server says goes into a log and a page: no line end, no control character, not without end."""
    words = Answer(Phase.RCPT, 550, "no\r\nsuch\x1b[31m user " + "x" * 500).words
    assert words.startswith("rcpt: 550 no such [31m user xxx")
    assert words.isprintable()
    assert len(words) < 220


def test_attachment_wins_over_notice_in_a_shared_mailbox() -> None:
    """Two users with one address get one mail, greeted neutrally, in the fuller form."""
    together = [recipient("Hof@mail.example"), recipient("hof@mail.example", Mode.ATTACHMENT, "Musterfrau")]
    [mail] = plan_document_mails(document(), together, DOCUMENT_TYPES)
    assert (mail.form, mail.person, len(mail.user_ids)) == (Form.ATTACHMENT, Person(), 2)


def test_who_wants_none_is_no_reason_for_a_mail() -> None:
    """Somebody else at the same address still gets the form that they chose, greeted by name."""
    together = [recipient("hof@mail.example", Mode.NONE), recipient("hof@mail.example", last_name="Musterfrau")]
    [mail] = plan_document_mails(document(), together, DOCUMENT_TYPES)
    assert (mail.form, mail.person.last_name) == (Form.NOTICE, "Musterfrau")
    assert plan_document_mails(document(), together[:1], DOCUMENT_TYPES) == []


def test_a_shared_mailbox_keeps_a_shared_language() -> None:
    """Only where the readers differ is it German."""
    english = [recipient("a@b.example", language="en"), recipient("a@b.example", language="en")]
    assert plan_document_mails(document(), english, DOCUMENT_TYPES)[0].person == Person("en")


@pytest.mark.parametrize(
    ("document_type", "mode"),
    [("invoice", Mode.ATTACHMENT), ("other", Mode.NONE), ("unheard_of", Mode.NONE), ("contract", Mode.NOTICE)],
)
def test_a_choice_for_a_type_wins(document_type: str, mode: Mode) -> None:
    """A type nobody knows yet counts among the others, as it is shown there."""
    settings = NotificationSettings(Mode.NOTICE, {"invoice": Mode.ATTACHMENT, "other": Mode.NONE})
    assert settings.mode_for(document_type, DOCUMENT_TYPES) is mode


def test_a_delivery_has_one_id_for_ever() -> None:
    """Whoever queues it again, in whatever spelling, means the same mail."""
    about = document()
    assert delivery(about, "Max@Hof.example").delivery_id == delivery(about, "max@hof.EXAMPLE").delivery_id
    assert delivery(about).delivery_id != delivery(document(version=2)).delivery_id


@pytest.mark.parametrize(
    "address",
    [
        "",
        "max",
        "max@",
        "@hof.example",
        "max@hof.example\r\nRCPT TO:<x@y.example>",
        "max@hof.example> BODY=8BITMIME",
        '"max muster"@hof.example',
        "max@@hof.example",
        "max@hof..example",
        "a@b@c.example",
        "max\u00a0@hof.example",
        "grün@hof.example",
        "max@höfe.example",
        "max,erika@hof.example",
        "x" * 250 + "@hof.example",
    ],
)
def test_an_odd_address_is_not_delivered_to(address: str) -> None:
    """One plain mailbox in ASCII, or nothing: no envelope is built from anything else."""
    assert not deliverable(address)


@pytest.mark.parametrize("address", ["max@hof.example", "o'brien+r=1@xn--hfe-sna.example", "a@b"])
def test_a_plain_address_is_delivered_to(address: str) -> None:
    """What the contracts let through arrives."""
    assert deliverable(address)
    assert address_key(address) == address


def test_waiting_grows_and_ends_in_an_hour() -> None:
    """The first minutes see many tries, a long trouble one an hour; nothing returns in one wave."""
    waits = [try_again_after(uuid4(), attempt) for attempt in (1, 2, 4, 10, 20, 200)]
    assert waits == sorted(waits)
    assert timedelta(seconds=5) <= waits[0] <= timedelta(seconds=5.5)
    assert timedelta(hours=1) <= waits[-1] <= timedelta(hours=1.1)
    assert len({try_again_after(uuid4(), 20) for _ in range(50)}) > 40


def test_a_mail_server_that_is_away_is_asked_often() -> None:
    """Nobody judged the mail, so it goes out soon after the server is back."""
    assert try_again_after(uuid4(), 200, relay_is_away=True) <= timedelta(seconds=33)


def test_no_state_leads_back_from_an_end() -> None:
    """Sent, bounced and failed are final, and nothing that was sent is queued again."""
    ends = {State.SENT, State.BOUNCED, State.FAILED}
    assert not any(ends & sources for sources in ALLOWED_FROM.values())


def test_the_encoded_size_is_known_beforehand() -> None:
    """Base64 in lines of 76 characters: a PDF over the cap is never read at all."""
    assert [encoded_size(size) for size in (0, 1, 57, 58, 114)] == [0, 6, 78, 84, 156]
