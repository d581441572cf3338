"""Documents and their versions in PostgreSQL: locked in one order, written with one statement a table, however many."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.messaging.retry import TryAgain
from documents.domain import Document, Facts, Stay, Version
from documents.ports import DocumentName

# Each row is looked up by its key (OFFSET 0, FOR UPDATE: a subquery of its own), in the order asked. As a plain join the
# planner reads the whole table for every batch while it knows little about it, or has planned when it was small.
_LOCK: Final = """
SELECT d.id, d.customer_number, d.document_number, d.withdrawn_at
FROM unnest($1::text[], $2::text[]) AS asked (customer_number, document_number)
CROSS JOIN LATERAL (
    SELECT id, customer_number, document_number, withdrawn_at FROM document
    WHERE customer_number = asked.customer_number AND document_number = asked.document_number
    FOR UPDATE
) AS d
"""

_VERSIONS: Final = """
SELECT v.*
FROM unnest($1::uuid[]) AS asked (document_id)
CROSS JOIN LATERAL (
    SELECT document_id, version, sha256, object_key, first_said_at, first_said_id, last_said_at,
           document_type, issued_on, media_type, size, gross_amount, currency, due_on, published_at, available_until
    FROM document_version WHERE document_id = asked.document_id OFFSET 0
) AS v
"""

_SAVE_VERSIONS: Final = """
INSERT INTO document_version (
    document_id, customer_number, version, sha256, object_key, first_said_at, first_said_id, last_said_at,
    document_type, issued_on, media_type, size, gross_amount, currency, due_on, published_at, available_until)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::timestamptz[],
    $9::text[], $10::date[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::date[], $16::timestamptz[],
    $17::date[])
ON CONFLICT (document_id, version) DO UPDATE
SET first_said_at = excluded.first_said_at, first_said_id = excluded.first_said_id, last_said_at = excluded.last_said_at
"""

_CREATE: Final = """
INSERT INTO document (
    id, withdrawn_at, version, corrected, document_type, issued_on, published_at, available_until, media_type, size,
    gross_amount, currency, customer_number, document_number, number_key)
SELECT * FROM unnest(
    $1::uuid[], $2::timestamptz[], $3::int[], $4::bool[], $5::text[], $6::date[], $7::timestamptz[], $8::date[],
    $9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
ON CONFLICT (customer_number, document_number) DO NOTHING
RETURNING id
"""

_SAVE_DOCUMENTS: Final = """
UPDATE document d
SET withdrawn_at = new.withdrawn_at, version = new.version, corrected = new.corrected,
    document_type = new.document_type, issued_on = new.issued_on, published_at = new.published_at,
    available_until = new.available_until, media_type = new.media_type, size = new.size,
    gross_amount = new.gross_amount, currency = new.currency
FROM unnest(
    $1::uuid[], $2::timestamptz[], $3::int[], $4::bool[], $5::text[], $6::date[], $7::timestamptz[], $8::date[],
    $9::text[], $10::bigint[], $11::text[], $12::text[])
    AS new (id, withdrawn_at, version, corrected, document_type, issued_on, published_at, available_until,
            media_type, size, gross_amount, currency)
WHERE d.id = new.id
"""


class PostgresDocuments:
    """The documents of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn
        self._new: set[UUID] = set()

    async def lock(self, names: Iterable[DocumentName]) -> Mapping[DocumentName, Document]:
        asked = sorted(set(names))
        known = await self._lock_known(asked)
        new = {name: Document(uuid4(), *name) for name in asked if name not in known}
        self._new |= {document.id for document in new.values()}
        return {**new, **known}

    async def save(self, documents: Iterable[Document]) -> None:
        """Rows that are new are written whole, in one order for everybody, so that no two wait for each other."""
        given = list(documents)
        new = sorted((one for one in given if one.id in self._new), key=_name)
        touched = [one for one in given if one.id not in self._new and (one.touched or one.withdrawal_touched)]
        versions = [(one, one.versions[sha256]) for one in given for sha256 in sorted(one.touched)]
        if new:
            await self._create(new)
        if versions:
            await self._conn.exec_driver_sql(_SAVE_VERSIONS, _columns(_version_row(*pair) for pair in versions))
        if touched:
            await self._conn.exec_driver_sql(_SAVE_DOCUMENTS, _columns(_document_row(one) for one in touched))

    async def _create(self, documents: Sequence[Document]) -> None:
        """Create rows, whose lock is held from here on; TryAgain where somebody else has created one since `lock`."""
        rows = (
            (*_document_row(one), one.customer_number, one.document_number, number_key(one.document_number))
            for one in documents
        )
        created = await self._conn.exec_driver_sql(_CREATE, _columns(rows))
        if len(created.all()) < len(documents):
            raise TryAgain("a document of this batch has just been created by somebody else")
        self._new -= {one.id for one in documents}

    async def _lock_known(self, names: Sequence[DocumentName]) -> dict[DocumentName, Document]:
        if not names:
            return {}
        locked = await self._conn.exec_driver_sql(_LOCK, _columns(names))
        documents = {
            row.id: Document(row.id, row.customer_number, row.document_number, row.withdrawn_at) for row in locked
        }
        for row in await self._conn.exec_driver_sql(_VERSIONS, (list(documents),)):
            documents[row.document_id].versions[row.sha256] = _version(row)
        return {_name(one): one for one in documents.values()}


def _name(document: Document) -> DocumentName:
    return document.customer_number, document.document_number


def number_key(document_number: str) -> str:
    """The number as it is sorted and searched: without case."""
    return document_number.casefold()


def _columns(rows: Iterable[Sequence[Any]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


def _version(row: Row[Any]) -> Version:
    return Version(
        number=row.version,
        sha256=row.sha256,
        object_key=row.object_key,
        facts=Facts(
            document_type=row.document_type,
            issued_on=row.issued_on,
            media_type=row.media_type,
            size=row.size,
            gross_amount=row.gross_amount,
            currency=row.currency,
            due_on=row.due_on,
        ),
        stay=Stay(row.published_at, row.available_until),
        first=(row.first_said_at, row.first_said_id),
        last_said_at=row.last_said_at,
    )


def _version_row(document: Document, version: Version) -> tuple[Any, ...]:
    facts = version.facts
    return (
        document.id,
        document.customer_number,
        version.number,
        version.sha256,
        version.object_key,
        *version.first,
        version.last_said_at,
        facts.document_type,
        facts.issued_on,
        facts.media_type,
        facts.size,
        facts.gross_amount,
        facts.currency,
        facts.due_on,
        version.stay.published_at,
        version.stay.available_until,
    )


def _document_row(document: Document) -> tuple[Any, ...]:
    """What customers see of the document; nothing of it while no version is visible."""
    current = document.current
    if current is None:
        return (document.id, document.withdrawn_at, *(None,) * 10)
    facts = current.facts
    return (
        document.id,
        document.withdrawn_at,
        current.number,
        document.is_corrected,
        facts.document_type,
        facts.issued_on,
        current.stay.published_at,
        current.stay.available_until,
        facts.media_type,
        facts.size,
        facts.gross_amount,
        facts.currency,
    )
