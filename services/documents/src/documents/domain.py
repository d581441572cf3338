"""What a document is: versions in billing's order, withdrawals, what a customer sees of it and for how long.

Pure rules. Whatever order and repetition billing's events arrive in, the same documents and versions are shown in the end.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

BERLIN: Final = ZoneInfo("Europe/Berlin")
PDF: Final = "application/pdf"
XML: Final = "application/xml"
OTHER: Final = "other"
GERMAN_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "invoice": "Rechnung",
        "credit_note": "Gutschrift",
        "cancellation": "Stornorechnung",
        "reminder": "Mahnung",
        "delivery_note": "Lieferschein",
        "statement": "Kontoauszug",
        "contract": "Vertrag",
        OTHER: "Sonstige",
    }
)
_SUFFIXES: Final = {PDF: ".pdf", XML: ".xml"}
_NOT_IN_FILE_NAMES: Final = frozenset('<>:"/\\|?*')

Moment = tuple[datetime, str]
"""When billing said something and under which event id: the order of its words."""


class Reason(StrEnum):
    """Why a record is not taken, in the order in which the reasons are checked."""

    MALFORMED_EVENT = "malformed_event"
    FOREIGN_SOURCE = "foreign_source"
    EVENT_ID_REUSED = "event_id_reused"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_FIELD = "invalid_field"
    TOO_LARGE = "too_large"
    CONTENT_MISSING = "content_missing"
    HASH_MISMATCH = "hash_mismatch"
    ENCRYPTED_PDF = "encrypted_pdf"
    UNREADABLE_CONTENT = "unreadable_content"

    def comes_before(self, other: "Reason") -> bool:
        order = list(Reason)
        return order.index(self) < order.index(other)


class DocumentRefused(Exception):
    """Billing handed over something that cannot be taken; it goes to quarantine."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class DocumentUnknown(Exception):
    """There is no such document, or none that this customer sees."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What billing says about one version; its first arrival counts."""

    document_type: str
    issued_on: date
    media_type: str
    size: int
    gross_amount: str | None = None
    currency: str | None = None
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One verified DocumentIssued: `object_key` holds the very bytes of `sha256`."""

    customer_number: str
    document_number: str
    sha256: str
    said: Moment
    facts: Facts
    object_key: str


@dataclass(frozen=True, slots=True)
class Stay:
    """From when to when a version is available."""

    published_at: datetime
    available_until: date


@dataclass(frozen=True, slots=True)
class Version:
    """One set of bytes of a document. `first` places it in billing's order, `last_said_at` decides its visibility."""

    number: int
    sha256: str
    object_key: str
    facts: Facts
    stay: Stay
    first: Moment
    last_said_at: datetime

    @property
    def place(self) -> tuple[datetime, str, str]:
        return (*self.first, self.sha256)

    def said_again(self, said: Moment) -> "Version":
        return replace(self, first=min(self.first, said), last_said_at=max(self.last_said_at, said[0]))


@dataclass(frozen=True, slots=True)
class Published:
    """A version has become visible, or has become the current one."""

    version: Version
    current: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """A version, or the document with all its versions (None), is no longer visible."""

    version: int | None


Change = Published | Removed


@dataclass(slots=True)
class Document:
    """All versions of one number of one customer. `touched` names what differs from the stored state."""

    id: UUID
    customer_number: str
    document_number: str
    withdrawn_at: datetime | None = None
    versions: dict[str, Version] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    withdrawal_touched: bool = False

    def file(self, arrival: Arrival, stay: Stay) -> list[Change]:
        """Take one arrival; new bytes become the next version, known bytes change order and visibility alone."""
        before = self._shown()
        known = self.versions.get(arrival.sha256)
        if known is None:
            version = Version(
                number=len(self.versions) + 1,
                sha256=arrival.sha256,
                object_key=arrival.object_key,
                facts=arrival.facts,
                stay=stay,
                first=arrival.said,
                last_said_at=arrival.said[0],
            )
        else:
            version = known.said_again(arrival.said)
        if version != known:
            self.versions[arrival.sha256] = version
            self.touched.add(arrival.sha256)
        return self._changes(before)

    def withdraw(self, at: datetime) -> list[Change]:
        """Hide what billing said until `at`; the latest withdrawal counts."""
        before = self._shown()
        if self.withdrawn_at is None or at > self.withdrawn_at:
            self.withdrawn_at = at
            self.withdrawal_touched = True
        return self._changes(before)

    def is_visible(self, version: Version) -> bool:
        return self.withdrawn_at is None or version.last_said_at > self.withdrawn_at

    @property
    def current(self) -> Version | None:
        """The highest visible version in billing's order; None while nothing is visible."""
        return max(self._visible(), key=lambda version: version.place, default=None)

    @property
    def is_corrected(self) -> bool:
        """Whether the current version took the place of another one, withdrawn or not."""
        current = self.current
        return current is not None and any(version.place < current.place for version in self.versions.values())

    def _visible(self) -> Iterable[Version]:
        return (version for version in self.versions.values() if self.is_visible(version))

    def _shown(self) -> tuple[set[str], str | None]:
        current = self.current
        return {version.sha256 for version in self._visible()}, current.sha256 if current else None

    def _changes(self, before: tuple[set[str], str | None]) -> list[Change]:
        shown, current = self._shown()
        shown_before, current_before = before
        gone = sorted(self.versions[sha256].number for sha256 in shown_before - shown)
        news = shown - shown_before
        if current is not None and current != current_before:
            news.add(current)
        changes: list[Change] = [Removed(None)] if gone and not shown else [Removed(number) for number in gone]
        published = sorted((self.versions[sha256] for sha256 in news), key=lambda version: version.number)
        return changes + [Published(version, current=version.sha256 == current) for version in published]


def stay_from(published_at: datetime, months: int) -> Stay:
    """Available until the end of the same day `months` on in Europe/Berlin, or of that month's last day."""
    day = published_at.astimezone(BERLIN).date()
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return Stay(published_at, date(year, month + 1, min(day.day, last)))


def today(now: datetime) -> date:
    """Give the day that counts for `available_until`."""
    return now.astimezone(BERLIN).date()


def german_label(document_type: str) -> str:
    return GERMAN_LABELS.get(document_type, GERMAN_LABELS[OTHER])


def file_name(document_type: str, document_number: str, media_type: str, *, older_version: int | None = None) -> str:
    """`Rechnung R0099901888.pdf`: no character that a file system or a header refuses; an older version says so."""
    safe = "".join(
        "_" if character in _NOT_IN_FILE_NAMES or not character.isprintable() else character
        for character in document_number
    )
    stem = f"{german_label(document_type)} {safe}".rstrip(". ")
    mark = f" (Version {older_version})" if older_version is not None else ""
    return f"{stem}{mark}{_SUFFIXES.get(media_type, '.bin')}"
