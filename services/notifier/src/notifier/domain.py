"""What a delivery is: its states, who gets which form, what a mail server's answer means and when to try again."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

LEASE = timedelta(seconds=30)
LEASE_ABSURD = timedelta(seconds=60)  # a lease ending further ahead was written by a clock that jumped
DOT_MARGIN_SECONDS = 10.0  # the final dot is written only while this much of the lease remains
GIVE_UP_AFTER = timedelta(days=5)
RENEW_LEASE_SECONDS = 8.0
TRY_AGAIN_SECONDS = (5, 10, 20, 30, *[45] * 12, *[300] * 6, *[900] * 8, 3600)
LONGEST_WAIT_SECONDS = (60.0, *(91 + 1.1 * seconds for seconds in TRY_AGAIN_SECONDS))
"""By attempt, 0 for a queued mail: what is due later than that was written before the clock was set back."""
RELAY_TRY_AGAIN_SECONDS = 30  # the mail server itself is away: nobody judged the mail, so the wait stays short
SUBJECTS = UUID("5f2a1c5e-3d0e-5b43-9a77-0f6f1e0c2b11")
OTHER = "other"
DONE, TRY_LATER, REFUSED = 2, 4, 5  # the first digit of an SMTP reply


class State(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    DOT_PENDING = "dot_pending"
    SENT = "sent"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"


IN_FLIGHT = frozenset({State.SENDING, State.DOT_PENDING})
JUDGED_FROM = frozenset({State.SENDING, State.DOT_PENDING, State.UNKNOWN})
ALLOWED_FROM: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SENDING, State.SUPPRESSED}),
    State.SENDING: frozenset({State.QUEUED, State.DELAYED, State.UNKNOWN}),
    State.DOT_PENDING: frozenset({State.SENDING}),
    State.SENT: frozenset({State.DOT_PENDING, State.UNKNOWN}),
    State.DELAYED: JUDGED_FROM,
    State.BOUNCED: JUDGED_FROM,
    State.FAILED: JUDGED_FROM | {State.QUEUED, State.DELAYED},
    State.UNKNOWN: frozenset({State.DOT_PENDING}),
    State.SUPPRESSED: frozenset({State.QUEUED, State.DELAYED, State.SENDING}),
}
"""Every compare-and-set names these states, so a step that is not listed cannot happen."""


class Purpose(StrEnum):
    DOCUMENT_PUBLISHED = "document_published"
    INITIAL_PASSWORD = "initial_password"  # noqa: S105 -- the name of a mail

    @property
    def resends_alone(self) -> bool:
        """Whether an `unknown` mail goes out again without a person's word: twice the same password harms nobody."""
        return self is Purpose.INITIAL_PASSWORD


class Mode(StrEnum):
    NONE = "none"
    ATTACHMENT = "attachment"
    NOTICE = "notice"


class Form(StrEnum):
    ATTACHMENT = "attachment"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    default: Mode = Mode.NOTICE
    by_type: Mapping[str, Mode] = field(default_factory=dict)

    def mode_for(self, document_type: str, known_types: Iterable[str]) -> Mode:
        """A type nobody knows yet is shown under Sonstige, so the choice made for those holds."""
        name = document_type if document_type in known_types else OTHER
        return self.by_type.get(name, self.default)


@dataclass(frozen=True, slots=True)
class Person:
    """How a mail addresses its reader; without a salutation or last name the greeting is neutral."""

    language: str = "de"
    salutation: str = "none"
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """One identity user as last heard; what remains of a deleted one is no more than its version."""

    user_id: UUID
    user_version: int
    customer_number: str
    email: str
    person: Person
    role: str
    status: str
    first: bool | None
    """Whether CustomerRegistered made this user; None where the event does not say."""


@dataclass(frozen=True, slots=True)
class Recipient:
    user_id: UUID
    customer_number: str
    address: str
    person: Person
    settings: NotificationSettings


@dataclass(frozen=True, slots=True)
class Document:
    """The facts of one document version that its mails show."""

    document_id: UUID
    version: int
    customer_number: str
    document_number: str
    document_type: str
    issued_on: date
    published_at: datetime
    available_until: date
    media_type: str
    size: int
    sha256: str
    object_key: str
    gross_amount: str | None = None
    currency: str | None = None
    due_on: date | None = None
    traceparent: str | None = None
    """Of the event that published it, for mails that leave long after it."""

    @property
    def subject_id(self) -> str:
        return f"{self.document_id}/{self.version}"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a mail that brings a credential holds; `secret` is a JWE to this service's key until the mail is gone."""

    user_id: UUID
    username: str
    secret: str | None = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewDelivery:
    purpose: Purpose
    subject_id: str
    customer_number: str
    address: str
    form: Form
    person: Person
    user_ids: tuple[UUID, ...]
    state: State = State.QUEUED
    reason: str | None = None
    document: Document | None = None
    credential: Credential | None = None
    trace: str | None = None
    """The W3C traceparent of what caused the mail."""

    @property
    def delivery_id(self) -> UUID:
        return uuid5(SUBJECTS, f"{self.purpose}\n{self.subject_id}\n{address_key(self.address)}")


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is to be tried by itself, now or later: how many of each state, and for how long the oldest has been due."""

    waiting: Mapping[State, int]
    oldest_due_seconds: float


def encoded_size(size: int) -> int:
    """How many bytes a file of this size takes in a mail: base64 in lines of 76 characters."""
    text = (size + 2) // 3 * 4
    return text + (text + 75) // 76 * 2


def address_key(address: str) -> str:
    """Two spellings of one mailbox: no provider tells them apart by case."""
    return address.strip().casefold()


def domain_of(address: str) -> str:
    return address_key(address).rpartition("@")[2]


_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")


def deliverable(address: str) -> bool:
    """Tell whether this is one plain mailbox in ASCII, of at most 254 characters; all others are failed clearly.

    No quoting, no route, nothing that could end a line or a bracket, and no address that needs SMTPUTF8.
    """
    return _ADDRESS.fullmatch(address) is not None and ".." not in address


def plan_document_mails(
    document: Document, recipients: Sequence[Recipient], known_types: Iterable[str]
) -> list[NewDelivery]:
    """One mail per address: attachment wins over notice, and a shared mailbox is greeted neutrally."""
    by_address: dict[str, list[tuple[Recipient, Mode]]] = {}
    for recipient in recipients:
        mode = recipient.settings.mode_for(document.document_type, known_types)
        if mode is not Mode.NONE:
            by_address.setdefault(address_key(recipient.address), []).append((recipient, mode))
    return [_document_mail(document, together) for together in by_address.values()]


def _document_mail(document: Document, together: list[tuple[Recipient, Mode]]) -> NewDelivery:
    first = together[0][0]
    languages = {recipient.person.language for recipient, _ in together}
    neutral = Person(language=languages.pop() if len(languages) == 1 else "de")
    attached = any(mode is Mode.ATTACHMENT for _, mode in together)
    return NewDelivery(
        purpose=Purpose.DOCUMENT_PUBLISHED,
        subject_id=document.subject_id,
        customer_number=document.customer_number,
        address=first.address,
        form=Form.ATTACHMENT if attached else Form.NOTICE,
        person=first.person if len(together) == 1 else neutral,
        user_ids=tuple(recipient.user_id for recipient, _ in together),
        document=document,
        trace=document.traceparent,
    )


class Phase(StrEnum):
    """How far an SMTP step had come when the answer, or the silence, ended it."""

    CONNECT = "connect"
    HELLO = "hello"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the mail server said last; `code` is None where the connection broke or the time was over."""

    phase: Phase
    code: int | None
    text: str

    @property
    def wants_login_or_tls(self) -> bool:
        """AUTH or STARTTLS is asked for (RFC 4954, RFC 3207) and no mailbox named: no mail was judged."""
        return self.code in {530, 534, 535, 538} and not _MAILBOX_TROUBLE.match(self.text)

    @property
    def relay_is_away(self) -> bool:
        """The trouble is with the mail server or its settings, not with this mail."""
        return self.phase in {Phase.CONNECT, Phase.HELLO} or (self.phase is Phase.MAIL and self.wants_login_or_tls)

    @property
    def words(self) -> str:
        """The answer on one line, as far as it is fit to be shown."""
        text = "".join(char if char.isprintable() else " " for char in self.text)
        said = " ".join(f"{self.code or ''} {text}".split())[:200]
        return f"{self.phase}: {said}"


_MAILBOX_TROUBLE = re.compile(r"\s*5\.[12]\.\d")


def judge(answer: Answer) -> State:
    """The state that an answer means. After the dot silence is `unknown`; before it nothing has been handed over."""
    kind = (answer.code or 0) // 100
    if answer.phase is Phase.DOT and kind not in {TRY_LATER, REFUSED}:
        return State.SENT if kind == DONE else State.UNKNOWN
    if answer.relay_is_away or answer.wants_login_or_tls or kind != REFUSED:
        return State.DELAYED
    if answer.phase is Phase.RCPT or _MAILBOX_TROUBLE.match(answer.text):
        return State.BOUNCED
    return State.FAILED


def try_again_after(delivery_id: UUID, attempt: int, *, relay_is_away: bool = False) -> timedelta:
    """Longer with each attempt, spread by up to a tenth so that what failed together does not return together."""
    seconds = TRY_AGAIN_SECONDS[min(max(attempt, 1), len(TRY_AGAIN_SECONDS)) - 1]
    if relay_is_away:
        seconds = min(seconds, RELAY_TRY_AGAIN_SECONDS)
    spread = (delivery_id.int + attempt * 7919) % 1000 / 10_000
    return timedelta(seconds=seconds * (1 + spread))
