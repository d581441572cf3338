"""The document versions heard of, in PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.domain import Document

COLUMNS = tuple(field.name for field in fields(Document))
VALUES = attrgetter(*COLUMNS)
REMEMBER = f"""
WITH heard AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::date[], $7::timestamptz[],
                         $8::date[], $9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[],
                         $15::date[], $16::text[]) AS heard ({", ".join(COLUMNS)})
)
INSERT INTO published_document ({", ".join(COLUMNS)}) SELECT * FROM heard
ON CONFLICT (document_id, version) DO UPDATE SET visible = true
RETURNING document_id, version, (xmax = 0) AS is_new
"""  # noqa: S608 -- names of our own columns
WAIT = """
UPDATE published_document SET waits_until = $3
FROM unnest($1::uuid[], $2::int[]) AS asked (document_id, version)
WHERE published_document.document_id = asked.document_id AND published_document.version = asked.version
"""
RELEASE = f"""
WITH waiting AS (
    UPDATE published_document SET waits_until = NULL
    WHERE customer_number = ANY($1::text[]) AND waits_until IS NOT NULL AND visible AND waits_until > now()
    RETURNING {", ".join(COLUMNS)}
)
SELECT * FROM waiting ORDER BY published_at, document_id, version
"""  # noqa: S608 -- names of our own columns
REMOVE = "UPDATE published_document SET visible = false WHERE document_id = $1 AND ($2::int IS NULL OR version = $2)"
FORGET_LATE = "UPDATE published_document SET waits_until = NULL WHERE waits_until <= now()"


class PostgresPublishedDocuments:
    """The versions, inside one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def remember(self, documents: Sequence[Document]) -> set[str]:
        once = {document.subject_id: document for document in documents}
        if not once:
            return set()
        rows = [VALUES(once[subject_id]) for subject_id in sorted(once)]
        result = await self._conn.exec_driver_sql(REMEMBER, tuple(list(column) for column in zip(*rows, strict=True)))
        return {f"{row.document_id}/{row.version}" for row in result if row.is_new}

    async def wait(self, subject_ids: Collection[str], until: datetime) -> None:
        pairs = [subject_id.split("/") for subject_id in sorted(subject_ids)]
        if pairs:
            ids, versions = [UUID(pair[0]) for pair in pairs], [int(pair[1]) for pair in pairs]
            await self._conn.exec_driver_sql(WAIT, (ids, versions, until))

    async def release(self, customers: Collection[str]) -> list[Document]:
        result = await self._conn.exec_driver_sql(RELEASE, (list(customers),))
        return [document_from(row) for row in result]

    async def remove(self, document_id: UUID, version: int | None) -> None:
        await self._conn.exec_driver_sql(REMOVE, (document_id, version))

    async def stop_waiting(self) -> None:
        await self._conn.exec_driver_sql(FORGET_LATE)


def document_from(row: Any) -> Document:
    return Document(**{name: getattr(row, name) for name in COLUMNS})
