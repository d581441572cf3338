"""The customer's shelf in memory, held to PostgreSQL's by shelf_contract."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.clock import Clock
from documents.adapters.search_terms import Term, terms
from documents.adapters.signed_cursors import SignedCursors
from documents.domain import GERMAN_LABELS, OTHER, Document, DocumentUnknown, Version, today
from documents.ports import (
    DocumentDetails,
    Filters,
    Group,
    Grouping,
    ListedDocument,
    Listing,
    Page,
    Reader,
    ShownVersion,
    SortField,
)
from tests.documents.memory import MemoryTransactions


class MemoryShelf:
    def __init__(self, transactions: MemoryTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock
        self._cursors = SignedCursors("secret")
        self._downloads: set[tuple[UUID, UUID, int]] = set()

    async def list(self, reader: Reader, filters: Filters, page: Page) -> Listing:
        whose = (reader.customer_number, filters, page.sort, page.descending, page.grouping)
        offset = int(self._cursors.read(page.after, whose)[0]) if page.after is not None else 0
        found = [one for one in self._listed(reader) if _matches(one, filters)]
        found.sort(key=lambda one: (_sort_key(one, page.sort), one.id), reverse=page.descending)
        if page.grouping:
            found.sort(key=lambda one: _group_key(one, page.grouping), reverse=page.grouping is not Grouping.TYPE)
        items = found[offset : offset + page.limit]
        after = offset + len(items)
        cursor = self._cursors.give([str(after)], whose) if after < len(found) else None
        return Listing(items, cursor, _groups(found, page.grouping) if page.grouping else None)

    async def details(self, reader: Reader, document_id: UUID) -> DocumentDetails:
        for listed in self._listed(reader):
            if listed.id == document_id:
                return DocumentDetails(listed, self._versions(reader, document_id))
        raise DocumentUnknown

    async def open_version(
        self, reader: Reader, document_id: UUID, version: int | None, *, record: bool
    ) -> ShownVersion:
        details = await self.details(reader, document_id)
        for shown in details.versions:
            if shown.version == (details.listed.version if version is None else version):
                if record:
                    self._downloads.add((reader.user_id, document_id, shown.version))
                return shown
        raise DocumentUnknown

    def _documents(self, reader: Reader) -> Sequence[tuple[Document, Version]]:
        day = today(self._clock.now())
        return [
            (document, current)
            for document in self._transactions.documents.values()
            if document.customer_number == reader.customer_number
            and (current := document.current) is not None
            and current.stay.available_until >= day
        ]

    def _listed(self, reader: Reader) -> Sequence[ListedDocument]:
        return [
            ListedDocument(
                id=document.id,
                document_number=document.document_number,
                version=current.number,
                corrected=document.is_corrected,
                new=(reader.user_id, document.id, current.number) not in self._downloads,
                has_xml=False,
                **_facts(current),
            )
            for document, current in self._documents(reader)
        ]

    def _versions(self, reader: Reader, document_id: UUID) -> Sequence[ShownVersion]:
        day = today(self._clock.now())
        [(document, current)] = [pair for pair in self._documents(reader) if pair[0].id == document_id]
        return [
            ShownVersion(
                document_number=document.document_number,
                version=version.number,
                current=version is current,
                sha256=version.sha256,
                due_on=version.facts.due_on,
                object_key=version.object_key,
                **_facts(version),
            )
            for version in sorted(document.versions.values(), key=lambda one: one.place, reverse=True)
            if document.is_visible(version) and version.stay.available_until >= day
        ]


def _facts(version: Version) -> dict[str, Any]:
    facts, stay = version.facts, version.stay
    return {
        "document_type": facts.document_type,
        "issued_on": facts.issued_on,
        "published_at": stay.published_at,
        "available_until": stay.available_until,
        "media_type": facts.media_type,
        "size": facts.size,
        "gross_amount": facts.gross_amount,
        "currency": facts.currency,
    }


def _sort_key(listed: ListedDocument, sort: SortField) -> Any:
    return listed.document_number.casefold() if sort is SortField.DOCUMENT_NUMBER else getattr(listed, sort)


def _shown_type(listed: ListedDocument) -> str:
    return listed.document_type if listed.document_type in GERMAN_LABELS else OTHER


def _group_key(listed: ListedDocument, grouping: Grouping | None) -> str:
    if grouping is Grouping.TYPE:
        return _shown_type(listed)
    return listed.issued_on.isoformat()[: 4 if grouping is Grouping.YEAR else 7]


def _groups(found: Sequence[ListedDocument], grouping: Grouping) -> Sequence[Group]:
    return [Group(key, count) for key, count in Counter(_group_key(one, grouping) for one in found).items()]


def _matches(listed: ListedDocument, filters: Filters) -> bool:
    return (
        (not filters.types or listed.document_type in filters.types or _shown_type(listed) in filters.types)
        and (filters.issued_from is None or listed.issued_on >= filters.issued_from)
        and (filters.issued_to is None or listed.issued_on <= filters.issued_to)
        and (filters.new is None or listed.new == filters.new)
        and all(_matches_term(listed, term) for term in terms(filters.text))
    )


def _matches_term(listed: ListedDocument, term: Term) -> bool:
    amount = Decimal(listed.gross_amount) if listed.gross_amount is not None else None
    return (
        term.number_part in listed.document_number.casefold()
        or _shown_type(listed) in term.types
        or (amount is not None and any(low <= amount < high for low, high in term.amounts))
        or listed.issued_on == term.issued_on
    )
