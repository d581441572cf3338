"""The ports of documents in memory, each held to the real thing by ports_contract."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from chassis.clock import Clock
from chassis.inbox.deduplicate import Identity
from chassis.messaging.retry import TryAgain
from chassis.messaging.subscriptions import Event
from chassis.outbox.record import OutboxRow
from chassis.testing.memory_inbox import MemoryInbox
from chassis.testing.memory_outbox import MemoryOutbox
from documents.domain import PDF, Document, DocumentRefused, Reason
from documents.ports import DocumentName, QuarantinedRecord


class MemoryDocuments:
    def __init__(self, stored: dict[DocumentName, Document]) -> None:
        self._stored = stored

    async def lock(self, names: Iterable[DocumentName]) -> Mapping[DocumentName, Document]:
        return {name: _copy(self._stored.get(name) or Document(uuid4(), *name)) for name in sorted(set(names))}

    async def save(self, documents: Iterable[Document]) -> None:
        for document in documents:
            kept = _copy(document)
            kept.touched, kept.withdrawal_touched = set(), False
            self._stored[document.customer_number, document.document_number] = kept


def _copy(document: Document) -> Document:
    return replace(document, versions=dict(document.versions), touched=set(document.touched))


class MemoryQuarantine:
    def __init__(self, stored: dict[UUID, QuarantinedRecord]) -> None:
        self._stored = stored

    async def add(self, records: Sequence[QuarantinedRecord]) -> set[UUID]:
        new = {one.id: one for one in records if one.id not in self._stored}
        self._stored.update(new)
        return set(new)


@dataclass
class MemoryWork:
    documents: MemoryDocuments
    quarantine: MemoryQuarantine
    inbox: MemoryInbox
    outbox: MemoryOutbox


@dataclass
class MemoryTransactions:
    """Everything that is stored; a block that raises leaves it as it was."""

    clock: Clock
    documents: dict[DocumentName, Document] = field(default_factory=dict)
    quarantined: dict[UUID, QuarantinedRecord] = field(default_factory=dict)
    inbox: dict[Identity, bytes] = field(default_factory=dict)
    outbox: list[OutboxRow] = field(default_factory=list)

    async def known(self, events: Sequence[Event]) -> dict[Identity, bytes]:
        """What took effect so far, as it is asked before the transaction."""
        return await MemoryInbox(self.inbox).known(events)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryWork]:
        documents, quarantined = dict(self.documents), dict(self.quarantined)
        inbox, outbox = dict(self.inbox), MemoryOutbox(source="documents", clock=self.clock)
        yield MemoryWork(MemoryDocuments(documents), MemoryQuarantine(quarantined), MemoryInbox(inbox), outbox)
        self.documents, self.quarantined, self.inbox = documents, quarantined, inbox
        self.outbox += outbox.rows


class MemoryContent:
    """Both buckets; `fail_puts` and `fail_reads` count down calls that run into passing trouble."""

    def __init__(self) -> None:
        self.intake: dict[str, bytes] = {}
        self.kept: dict[str, bytes] = {}
        self.media_types: dict[str, str] = {}
        self.fail_puts = 0
        self.fail_reads = 0

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        if self.fail_puts:
            self.fail_puts -= 1
            raise TryAgain("the store is in trouble")
        self.kept[key], self.media_types[key] = content, media_type

    async def read(self, key: str, at_most: int) -> bytes:
        if self.fail_reads:
            self.fail_reads -= 1
            raise TryAgain("the store is in trouble")
        if key not in self.intake:
            raise DocumentRefused(Reason.CONTENT_MISSING, "there is no such object in the intake bucket")
        if len(self.intake[key]) > at_most:
            raise DocumentRefused(Reason.TOO_LARGE, "too large")
        return self.intake[key]


class PlainInspector:
    """Looks at the first bytes alone; counts how often it was asked."""

    def __init__(self) -> None:
        self.inspected = 0

    async def inspect(self, media_type: str, content: bytes) -> None:
        self.inspected += 1
        if b"/Encrypt" in content:
            raise DocumentRefused(Reason.ENCRYPTED_PDF, "the PDF needs a password to be opened")
        if not content.startswith(b"%PDF-" if media_type == PDF else b"<") or b"<!DOCTYPE" in content:
            raise DocumentRefused(Reason.UNREADABLE_CONTENT, "not what it says")
