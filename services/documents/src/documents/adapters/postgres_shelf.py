"""What a customer's user sees of the documents, in PostgreSQL, in transactions that see that customer's rows alone."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.database import Database
from documents.adapters.list_statement import Asked, document_statement, groups_statement, place_of, rows_statement
from documents.adapters.signed_cursors import SignedCursors
from documents.domain import DocumentUnknown, today
from documents.ports import DocumentDetails, Filters, Group, ListedDocument, Listing, Page, Reader, ShownVersion

_VERSIONS: Final = """
SELECT d.document_number, v.version, v.version = d.version AS current, v.document_type, v.issued_on, v.published_at,
       v.available_until, v.media_type, v.size, v.sha256, v.gross_amount, v.currency, v.due_on, v.object_key
FROM document d
JOIN document_version v ON v.document_id = d.id AND v.customer_number = d.customer_number
WHERE d.id = $1::uuid AND d.customer_number = $2::text AND d.version IS NOT NULL AND d.available_until >= $3::date
  AND v.available_until >= $3::date AND (d.withdrawn_at IS NULL OR v.last_said_at > d.withdrawn_at)
"""
_NEWEST_FIRST: Final = " ORDER BY v.first_said_at DESC, v.first_said_id DESC, v.sha256 DESC"
_ONE: Final = " AND v.version = coalesce($4::int, d.version)"

_DOWNLOADED: Final = """
INSERT INTO download (user_id, document_id, version, customer_number)
VALUES ($1::uuid, $2::uuid, $3::int, $4::text)
ON CONFLICT DO NOTHING
"""


class PostgresShelf:
    def __init__(self, database: Database, *, cursors: SignedCursors, clock: Clock) -> None:
        self._database = database
        self._cursors = cursors
        self._clock = clock

    async def list(self, reader: Reader, filters: Filters, page: Page) -> Listing:
        whose = (reader.customer_number, filters, page.sort, page.descending, page.grouping)
        after = self._cursors.read(page.after, whose) if page.after is not None else None
        asked = Asked(reader, filters, page, self._today())
        async with self._database.tenant_transaction(reader) as conn:
            rows = (await conn.exec_driver_sql(*rows_statement(asked, after))).all()
            groups = await _groups(conn, asked) if page.grouping else None
        shown = rows[: page.limit]
        more = len(rows) > page.limit
        cursor = self._cursors.give(place_of(shown[-1], grouped=page.grouping is not None), whose) if more else None
        return Listing([_listed(row) for row in shown], cursor, groups)

    async def details(self, reader: Reader, document_id: UUID) -> DocumentDetails:
        today = self._today()
        async with self._database.tenant_transaction(reader) as conn:
            row = (await conn.exec_driver_sql(*document_statement(reader, document_id, today))).one_or_none()
            if row is None:
                raise DocumentUnknown
            parameters = (document_id, reader.customer_number, today)
            versions = (await conn.exec_driver_sql(_VERSIONS + _NEWEST_FIRST, parameters)).all()
        return DocumentDetails(_listed(row), [ShownVersion(**one._mapping) for one in versions])  # noqa: SLF001 - public

    async def open_version(
        self, reader: Reader, document_id: UUID, version: int | None, *, record: bool
    ) -> ShownVersion:
        parameters = (document_id, reader.customer_number, self._today(), version)
        async with self._database.tenant_transaction(reader) as conn:
            row = (await conn.exec_driver_sql(_VERSIONS + _ONE, parameters)).one_or_none()
            if row is None:
                raise DocumentUnknown
            if record:
                downloaded = (reader.user_id, document_id, row.version, reader.customer_number)
                await conn.exec_driver_sql(_DOWNLOADED, downloaded)
        return ShownVersion(**row._mapping)  # noqa: SLF001 - a row's public view, named so against column names

    def _today(self) -> date:
        return today(self._clock.now())


async def _groups(conn: AsyncConnection, asked: Asked) -> Sequence[Group]:
    rows = await conn.exec_driver_sql(*groups_statement(asked))
    return [Group(row.group_key, row.documents) for row in rows]


def _listed(row: Row[Any]) -> ListedDocument:
    return ListedDocument(
        id=row.id,
        document_number=row.document_number,
        document_type=row.document_type,
        issued_on=row.issued_on,
        published_at=row.published_at,
        available_until=row.available_until,
        version=row.version,
        corrected=row.corrected,
        new=row.new,
        media_type=row.media_type,
        size=row.size,
        has_xml=False,
        gross_amount=row.gross_amount,
        currency=row.currency,
    )
