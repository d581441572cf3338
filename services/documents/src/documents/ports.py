"""What the use cases and the routes need from outside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from chassis.inbox.deduplicate import Identity
from chassis.messaging.subscriptions import Event, Record
from chassis.outbox.record import EventLog
from documents.domain import Document, Reason

DocumentName = tuple[str, str]
"""customer_number, document_number: one document."""


class ContentStore(Protocol):
    async def put(self, key: str, content: bytes, media_type: str) -> None:
        """Keep these bytes under this key; TryAgain where the store is in trouble."""
        ...


class IntakeStore(Protocol):
    async def read(self, key: str, at_most: int) -> bytes:
        """Give an object that billing put there; DocumentRefused (content_missing, too_large), TryAgain."""
        ...


class Inspector(Protocol):
    async def inspect(self, media_type: str, content: bytes) -> None:
        """Return if the bytes are what their media type says; DocumentRefused (encrypted_pdf, unreadable_content)."""
        ...


class ContentLinks(Protocol):
    def link(self, object_key: str, media_type: str) -> str:
        """Sign a link that opens the bytes for a minute."""
        ...


class Documents(Protocol):
    async def lock(self, names: Iterable[DocumentName]) -> Mapping[DocumentName, Document]:
        """Load these documents, locked until the transaction ends; one that is not known yet comes without versions."""
        ...

    async def save(self, documents: Iterable[Document]) -> None:
        """Store what was touched of documents that are locked, and those that are new; TryAgain where one was just made."""
        ...


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """A record as it came, and why it was not taken. `id` follows from its place on the bus."""

    id: UUID
    record: Record
    customer_number: str | None
    document_number: str | None
    reason: Reason
    detail: str
    quarantined_at: datetime


class Quarantine(Protocol):
    async def add(self, records: Sequence[QuarantinedRecord]) -> set[UUID]:
        """Keep records that are not kept yet, by their place on the bus; the ids of those that are new."""
        ...


class Inbox(Protocol):
    async def known(self, events: Sequence[Event]) -> dict[Identity, bytes]: ...

    async def take(self, events: Sequence[Event]) -> None: ...


class EffectsBefore(Protocol):
    async def known(self, events: Sequence[Event]) -> dict[Identity, bytes]:
        """Which of these events took effect so far, as `Inbox.known` says it, asked outside of any transaction."""
        ...


class DocumentsWork(Protocol):
    """Everything that is written together: one transaction."""

    @property
    def documents(self) -> Documents: ...

    @property
    def quarantine(self) -> Quarantine: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def outbox(self) -> EventLog: ...


class Reader(Protocol):
    """Who looks at documents: a customer's user."""

    @property
    def user_id(self) -> UUID: ...

    @property
    def customer_number(self) -> str: ...


class SortField(StrEnum):
    PUBLISHED_AT = "published_at"
    ISSUED_ON = "issued_on"
    DOCUMENT_NUMBER = "document_number"
    DOCUMENT_TYPE = "document_type"


class Grouping(StrEnum):
    TYPE = "type"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for; nothing given means everything."""

    text: str = ""
    types: tuple[str, ...] = ()
    issued_from: date | None = None
    issued_to: date | None = None
    new: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of the list, in which order. `after` is the cursor that the page before gave."""

    sort: SortField = SortField.PUBLISHED_AT
    descending: bool = True
    grouping: Grouping | None = None
    limit: int = 50
    after: str | None = None


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document as its customer sees it: the facts of its current version."""

    id: UUID
    document_number: str
    document_type: str
    issued_on: date
    published_at: datetime
    available_until: date
    version: int
    corrected: bool
    new: bool
    media_type: str
    size: int
    has_xml: bool
    gross_amount: str | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """How many of the documents looked for share a type, month or year."""

    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Listing:
    items: Sequence[ListedDocument]
    next_cursor: str | None
    groups: Sequence[Group] | None = None


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """One version that the customer may open."""

    document_number: str
    version: int
    current: bool
    document_type: str
    issued_on: date
    published_at: datetime
    available_until: date
    media_type: str
    size: int
    sha256: str
    gross_amount: str | None
    currency: str | None
    due_on: date | None
    object_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DocumentDetails:
    """A document with the versions that its customer may open, newest first."""

    listed: ListedDocument
    versions: Sequence[ShownVersion]


class CursorInvalid(Exception):
    """The cursor was not given for the list that is asked for."""


class DocumentShelf(Protocol):
    """What one customer's user sees: visible documents within their stay."""

    async def list(self, reader: Reader, filters: Filters, page: Page) -> Listing:
        """One page; CursorInvalid for a cursor of another list."""
        ...

    async def details(self, reader: Reader, document_id: UUID) -> DocumentDetails:
        """One document; DocumentUnknown for one of another customer as for one that never was."""
        ...

    async def open_version(
        self, reader: Reader, document_id: UUID, version: int | None, *, record: bool
    ) -> ShownVersion:
        """One version, else the current one; where `record` is true it counts as downloaded by this user from now on."""
        ...
