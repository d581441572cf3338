"""What the use cases need from outside: the rows of one transaction, a mail server, attachments, keys and words."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from chassis.messaging.subscriptions import Event
from chassis.outbox.record import EventLog
from notifier.domain import (
    Answer,
    Credential,
    Document,
    Form,
    NewDelivery,
    NotificationSettings,
    Person,
    Purpose,
    Recipient,
    State,
    User,
)


class InboxOfEvents(Protocol):
    async def seen(self, events: Sequence[Event]) -> Sequence[str]: ...

    async def take(self, events: Sequence[Event]) -> None: ...


class AddressBook(Protocol):
    """Who gets mail, as identity said last."""

    async def lock_customers(self, customers: Collection[str]) -> None:
        """Take these customers' lock rows until the end of the transaction, always in the same order.

        Whoever reads users to queue documents and whoever reads waiting documents to release them comes through here,
        so neither can miss what the other is writing.
        """

    async def keep(self, users: Sequence[User]) -> set[UUID]:
        """Apply each user with a higher version than what is there, and say which; `first`, once true, stays true."""

    async def forget(self, user_ids: Collection[UUID]) -> None:
        """Keep nothing of these users but their version, so that an older event brings nobody back."""

    async def recipients(self, customers: Collection[str]) -> list[Recipient]:
        """The users of these customers who get mail: active ones, and the first one from the invitation on."""

    async def first_users(self, customers: Collection[str]) -> Mapping[str, UUID]:
        """The first user of each customer, where one is known, also one who left."""


class NotificationSettingsBook(Protocol):
    async def get(self, user_id: UUID) -> NotificationSettings | None: ...

    async def put(self, user_id: UUID, customer_number: str, settings: NotificationSettings) -> None: ...


class PublishedDocuments(Protocol):
    """Every document version heard of: each causes mails once, at its first hearing or when the first user comes."""

    async def remember(self, documents: Sequence[Document]) -> set[str]:
        """Write down the versions not known yet and return their subject ids; a known one is visible again."""

    async def wait(self, subject_ids: Collection[str], until: datetime) -> None:
        """These versions wait for the first user of their customer."""

    async def release(self, customers: Collection[str]) -> list[Document]:
        """The visible versions that wait for these customers' first users and are in time; they wait no longer."""

    async def remove(self, document_id: UUID, version: int | None) -> None:
        """Not to be seen any more: one version, or all."""

    async def stop_waiting(self) -> None:
        """Whose time is over waits no longer."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to one attempt at one delivery; every step names it."""

    delivery_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class DueMail:
    """A delivery that was claimed, with everything its mail shows."""

    ticket: Ticket
    purpose: Purpose
    customer_number: str
    address: str
    form: Form
    person: Person
    queued_at: datetime
    due_at: datetime
    reason: str | None
    document: Document | None = None
    document_is_gone: bool = False
    credential: Credential | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt. `again_after` is None where nothing happens by itself any more."""

    ticket: Ticket
    state: State
    reason: str | None = None
    form: Form | None = None
    again_after: float | None = None
    """Seconds from now, by the database's clock."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A delivery as it stands after a change that nobody in this process made or awaits."""

    delivery_id: UUID
    purpose: Purpose
    customer_number: str
    address: str
    form: Form
    state: State
    reason: str | None
    document_id: UUID | None
    version: int | None
    trace: str | None = None


class Deliveries(Protocol):
    """The deliveries, inside one transaction. Every change is a compare-and-set on state and attempt."""

    async def queue(self, deliveries: Sequence[NewDelivery]) -> None:
        """Write those not there yet; one per purpose, subject and address. The sender wakes at the commit."""

    async def revive(self, subject_ids: Collection[str]) -> None:
        """Queue again what was only suppressed because its document had been removed."""

    async def cancel(self, document_id: UUID, version: int | None, reason: str) -> None:
        """Suppress what has not gone out yet."""

    async def cancel_for_users(
        self, user_ids: Collection[UUID], customers: Collection[str], reason: str, purpose: Purpose | None = None
    ) -> None:
        """Suppress what waits for these users of these customers alone."""

    async def claim(self, limit: int, besides: Collection[str], since: datetime | None = None) -> list[DueMail]:
        """Take up to this many due deliveries under a lease, oldest first, none of these domains, none due before `since`."""

    async def mark_dot_pending(self, tickets: Sequence[Ticket]) -> set[Ticket]:
        """Write down that the final dot comes next and renew the lease; only those returned may go on."""

    async def settle(self, results: Sequence[Result]) -> set[Ticket]:
        """Write down the ends of attempts; returns those that were still this attempt's to end."""

    async def renew(self, tickets: Sequence[Ticket]) -> set[Ticket]:
        """Prolong the leases of these attempts in one statement; who is not returned has lost its delivery."""

    async def release_expired_leases(self) -> list[Settled]:
        """Take back what nobody holds any more: sending goes back to queued, dot_pending becomes unknown; returns the unknown ones."""

    async def expire_credentials(self) -> list[Settled]:
        """Drop secrets past their time and fail what still waited with one."""


class Work(Protocol):
    """One transaction: everything in it happens, or nothing."""

    @property
    def inbox(self) -> InboxOfEvents: ...
    @property
    def outbox(self) -> EventLog: ...
    @property
    def address_book(self) -> AddressBook: ...
    @property
    def documents(self) -> PublishedDocuments: ...
    @property
    def deliveries(self) -> Deliveries: ...


Begin = Callable[[], AbstractAsyncContextManager[Work]]
"""Opens a transaction of its own; leaving it commits."""


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """A file's bytes in base64 lines, made once per document version."""

    lines: bytes = field(repr=False)
    media_type: str


class AttachmentUnavailable(Exception):
    """The file could not be read, or is not the one that was announced; later it may be."""


class Attachments(Protocol):
    async def fetch(self, document: Document) -> EncodedFile:
        """The original bytes, verified by their SHA-256; raises AttachmentUnavailable."""


class SecretUnreadable(Exception):
    """No key of this service opens the secret; the text names the key id at most."""


class Secrets(Protocol):
    def open(self, secret: str) -> str:
        """The plain text of a JWE; raises SecretUnreadable."""


@dataclass(frozen=True, slots=True)
class Message:
    """Finished bytes: CRLF line ends, dots stuffed, without the final dot."""

    sender: str
    recipient: str
    chunks: tuple[bytes, ...] = field(repr=False)

    @property
    def size(self) -> int:
        return sum(len(chunk) for chunk in self.chunks)


class MailUnsafe(Exception):
    """Something in the mail would have become a header, an address or a line end that nobody planned."""


class MailWriter(Protocol):
    def write(
        self, mail: DueMail, *, secret: str | None = None, file: EncodedFile | None = None, too_large: bool = False
    ) -> Message:
        """The mail in the reader's language; `too_large` says at its top why the file is missing. Raises MailUnsafe."""


class Withdrawn(Exception):
    """The step ended before the dot because its owner said so: the server has accepted nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The server's last word, and where silence followed the dot, perhaps a later one."""

    answer: Answer
    late: Awaitable[Answer | None] | None = None


class Mailer(Protocol):
    async def send(
        self, message: Message, *, still_mine: Callable[[], bool], may_finish: Callable[[], Awaitable[bool]]
    ) -> Outcome:
        """One SMTP step, which ends in an answer; Withdrawn where `still_mine` says no before DATA or `may_finish` before the dot."""

    def tidy(self) -> None:
        """Leave connections that nobody has needed for a while; called now and then."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DeliveryItem:
    """A line of the delivery log."""

    id: UUID
    purpose: Purpose
    document_id: UUID | None
    document_number: str | None
    address: str
    form: Form
    state: State
    reason: str | None
    queued_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines of the log are wanted: newest first, after the `position` of the last line seen."""

    customer_number: str
    document_id: UUID | None = None
    address: str | None = None
    states: frozenset[State] | None = None
    limit: int = 50
    position: tuple[datetime, UUID] | None = None


class DeliveryLog(Protocol):
    async def read(self, query: LogQuery) -> list[DeliveryItem]: ...


class OwnAddress(Protocol):
    async def address_of(self, user_id: UUID) -> str | None: ...
