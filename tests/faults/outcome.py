"""What came out: everything that the checker compares with the history, as plain values that a file can keep."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.faults.history import Place


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """`current` is the version that lists show; None while nothing is visible."""

    document_id: str
    customer_number: str
    document_number: str
    current: int | None
    withdrawn_at: str | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """`content` is the SHA-256 of the bytes that the object store has for it; None where it has none."""

    document_id: str
    version: int
    sha256: str
    content: str | None


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """Where a record came from, why it was not taken, and its event id where it has one that can be read."""

    topic: str
    partition: int
    offset: int
    reason: str
    ce_id: str = ""

    @property
    def place(self) -> Place:
        return self.topic, self.partition, self.offset


class QuarantineRow(KeptRecord):
    """In documents' table."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Said:
    """An event that a service wrote into its outbox in a transaction that was committed; ids in the order of writing."""

    service: str
    id: int
    ce_id: str
    ce_type: str
    topic: str
    key: str
    waiting: bool


@dataclass(frozen=True, slots=True)
class BusRecord:
    """One record on a topic of the services; `document_id` and `version` where it is about one."""

    topic: str
    partition: int
    offset: int
    ce_id: str
    ce_type: str
    key: str
    document_id: str | None = None
    version: int | None = None
    current: bool | None = None


class DeadLetterRecord(KeptRecord):
    """On a topic of dead letters."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    id: str
    purpose: str
    subject_id: str
    address: str
    state: str
    document_id: str | None
    version: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MailTaken:
    message_id: str
    to: str
    subject: str


@dataclass(frozen=True, slots=True)
class ListedItem:
    """One line of a customer's list, as the documents API gives it."""

    customer_number: str
    document_id: str
    document_number: str
    version: int


@dataclass(slots=True)
class Outcome:
    documents: list[DocumentRow] = field(default_factory=list)
    versions: list[VersionRow] = field(default_factory=list)
    quarantine: list[QuarantineRow] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    bus: list[BusRecord] = field(default_factory=list)
    dead_letters: list[DeadLetterRecord] = field(default_factory=list)
    deliveries: list[DeliveryRow] = field(default_factory=list)
    mails: list[MailTaken] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    """Customers of whom the notifier knows a user with an address."""
    customers: list[str] = field(default_factory=list)
    """Customers whom identity has registered, row by row."""
    listed: list[ListedItem] | None = None
    """None where no documents service runs that could be asked."""

    @property
    def names(self) -> dict[str, tuple[str, str]]:
        """Customer and document number by document_id."""
        return {row.document_id: (row.customer_number, row.document_number) for row in self.documents}

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Outcome":
        """Read it back, to check it again."""
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        rows: dict[str, Any] = {each.name: _rows(each.name, values[each.name]) for each in fields(cls)}
        return cls(**rows)


ROWS: dict[str, type[Any]] = {
    "documents": DocumentRow,
    "versions": VersionRow,
    "quarantine": QuarantineRow,
    "said": Said,
    "bus": BusRecord,
    "dead_letters": DeadLetterRecord,
    "deliveries": DeliveryRow,
    "mails": MailTaken,
    "listed": ListedItem,
}


def _rows(name: str, values: list[Any] | None) -> list[Any] | None:
    kind = ROWS.get(name)
    return values if kind is None or values is None else [kind(**value) for value in values]
