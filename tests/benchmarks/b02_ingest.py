"""B2: what documents writes for a batch, in its transaction, beside one statement that unnests the same rows.

Both write inbox, document, version and outbox rows of 50 new documents and commit; the statement gets its arrays ready
made. Ours also locks, asks the inbox, builds the events and logs a line for each.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import asyncpg

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.logs import configure_logs
from chassis.messaging.subscriptions import Event, Record
from documents.adapters.postgres_work import postgres_work
from documents.domain import Arrival, Facts, stay_from
from documents.use_cases.file_issued_documents import FileIssuedDocuments
from documents.use_cases.judge_events import Taken
from kundenportal_contracts.billing import DocumentIssued
from kundenportal_contracts.documents import DocumentPublished
from kundenportal_contracts.envelope import Envelope, encode, write_headers
from kundenportal_contracts.topics import BILLING_DOCUMENTS
from tests.benchmarks.bill import Bill
from tests.benchmarks.harness import Comparison, Lap, compare
from tests.benchmarks.profiling import Profiler
from tests.benchmarks.stand import Stand

BATCH, BATCHES = 50, 40
NUMBERS = count()

STATEMENT = """
WITH taken AS (
    INSERT INTO inbox (source, event_id, value_sha256) SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
), filed AS (
    INSERT INTO document (id, customer_number, document_number, number_key, version, corrected, document_type,
        issued_on, published_at, available_until, media_type, size, gross_amount, currency)
    SELECT id, customer_number, document_number, number_key, 1, false, document_type, issued_on, published_at,
        available_until, 'application/pdf', size, gross_amount, currency
    FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::date[], $10::timestamptz[], $11::date[],
        $12::bigint[], $13::text[], $14::text[]) AS new (id, customer_number, document_number, number_key,
        document_type, issued_on, published_at, available_until, size, gross_amount, currency)
), versioned AS (
    INSERT INTO document_version (document_id, customer_number, version, sha256, object_key, first_said_at,
        first_said_id, last_said_at, document_type, issued_on, media_type, size, gross_amount, currency, due_on,
        published_at, available_until)
    SELECT id, customer_number, 1, sha256, object_key, said_at, said_id, said_at, document_type, issued_on,
        'application/pdf', size, gross_amount, currency, due_on, published_at, available_until
    FROM unnest($4::uuid[], $5::text[], $15::text[], $16::text[], $17::timestamptz[], $2::text[], $8::text[],
        $9::date[], $12::bigint[], $13::text[], $14::text[], $18::date[], $10::timestamptz[], $11::date[])
        AS new (id, customer_number, sha256, object_key, said_at, said_id, document_type, issued_on, size,
        gross_amount, currency, due_on, published_at, available_until)
)
INSERT INTO outbox (ce_id, topic, key, ce_type, value, headers)
SELECT ce_id, 'documents.documents.v1', key, 'documents.DocumentPublished.v1', value, headers::jsonb
FROM unnest($19::uuid[], $5::text[], $20::bytea[], $21::text[]) AS new (ce_id, key, value, headers)
"""


async def measure(stand: Stand, profiler: Profiler | None) -> list[Comparison]:
    url = await stand.database("documents")
    database = Database(url, application_name="bench")
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT set_config('app.scope', 'service', false)")

    async def raw(lap: Lap) -> None:
        batches = [columns([verdict() for _ in range(BATCH)]) for _ in range(BATCHES)]
        with lap:
            for batch in batches:
                await connection.execute(STATEMENT, *batch)
        lap.units = BATCH * BATCHES

    async def ours(lap: Lap) -> None:
        await ingest(database, lap)

    comparison = Comparison("B2 ingest transaction, 50 documents", "one `unnest` statement, the same rows", 0.6)
    try:
        return [await compare(comparison, raw, ours, Bill({"postgres": stand.pids["postgres"]}), profiler=profiler)]
    finally:
        await connection.close()
        await database.close()


async def ingest(database: Database, lap: Lap) -> None:
    clock, unused = SystemClock(), cast("Any", None)  # judge and keeper have done their part
    handler = FileIssuedDocuments(before=unused, judge=unused, keeper=unused, clock=clock, retention_months=13)
    batches = [[verdict() for _ in range(BATCH)] for _ in range(BATCHES)]
    with lines_into_nothing(), lap:
        for batch in batches:
            async with database.service_transaction() as conn:
                await handler.apply(batch, postgres_work(conn, clock))
    lap.units = BATCH * BATCHES


@contextlib.contextmanager
def lines_into_nothing() -> Iterator[None]:
    """Log as a service does; what is written goes nowhere."""
    with Path(os.devnull).open("w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):
        configure_logs("documents", "info")
        yield
        configure_logs("bench", "critical")


def verdict() -> Taken[Arrival]:
    """A document that was verified and put, as `prepare` leaves it."""
    number = next(NUMBERS)
    sha256, now = uuid4().hex * 2, datetime.now(UTC)
    customer = f"C{number % 40:05}"
    envelope = Envelope(str(uuid4()), "billing/sap-1", DocumentIssued.ce_type, now)
    record = Record(BILLING_DOCUMENTS.name, 0, number, customer.encode(), uuid4().bytes, tuple(write_headers(envelope)))
    event = Event(record, envelope)
    assert event.value_sha256  # `prepare` has asked for it
    facts = Facts("invoice", date(2026, 11, 20), "application/pdf", 81_234, "119.00", "EUR", date(2026, 12, 4))
    key = f"{customer}/{sha256}/{uuid4()}"
    return Taken(event, Arrival(customer, f"R{number:010}", sha256, (now, envelope.id), facts, key))


def columns(batch: Sequence[Taken[Arrival]]) -> tuple[list[Any], ...]:
    """The same rows, ready for the statement."""
    rows = [row(taken) for taken in batch]
    return tuple(list(column) for column in zip(*rows, strict=True))


def row(taken: Taken[Arrival]) -> tuple[Any, ...]:
    event, arrival, document_id, said_id = taken.event, taken.effect, uuid4(), uuid4()
    facts, stay = arrival.facts, stay_from(datetime.now(UTC), 13)
    published = DocumentPublished(
        document_id=document_id,
        version=1,
        current=True,
        customer_number=arrival.customer_number,
        document_number=arrival.document_number,
        document_type=facts.document_type,
        issued_on=facts.issued_on,
        published_at=stay.published_at,
        available_until=stay.available_until,
        media_type="application/pdf",
        size=facts.size,
        sha256=arrival.sha256,
        object_key=arrival.object_key,
        gross_amount=facts.gross_amount,
        currency=facts.currency,
        due_on=facts.due_on,
    )
    headers = write_headers(Envelope(str(said_id), "documents", published.ce_type, stay.published_at))
    return (
        *(event.source, event.id, event.value_sha256),
        *(document_id, arrival.customer_number, arrival.document_number, arrival.document_number.casefold()),
        *(facts.document_type, facts.issued_on, stay.published_at, stay.available_until, facts.size),
        *(facts.gross_amount, facts.currency, arrival.sha256, arrival.object_key, event.time, facts.due_on),
        *(said_id, encode(published), json.dumps([(name, value.decode()) for name, value in headers])),
    )
