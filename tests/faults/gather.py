"""Reads what came out: the databases as the superuser sees them, the bus record by record, the mail server, the lists."""

import asyncio
import contextlib
import hashlib
import json
from base64 import b64decode
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import uuid4

import asyncpg
import httpx2
import obstore
from aiokafka import AIOKafkaConsumer
from obstore.store import S3Store

from chassis.principal import Principal
from chassis.testing.principals import PrincipalSigner
from tests.faults.outcome import (
    BusRecord,
    DeadLetterRecord,
    DeliveryRow,
    DocumentRow,
    ListedItem,
    MailTaken,
    Outcome,
    QuarantineRow,
    Said,
    VersionRow,
)
from tests.faults.process import Process
from tests.faults.rest import places_of
from tests.faults.sink import MailSide

SPOKEN = (
    "documents.documents.v1",
    "notifier.deliveries.v1",
    "identity.customers.v1",
    "identity.users.v1",
    "identity.credentials.v1",
)
AT_ONCE = 16
DEAD_LETTERS = ("documents.dead-letters.v1", "notifier.dead-letters.v1", "identity.dead-letters.v1")

QUARANTINE = "SELECT topic, partition, record_offset, reason, record_headers::text AS headers FROM quarantine"
# Every event that was ever said and committed, whether or not the relay has deleted its row.
NOTE_WHAT_IS_SAID = (
    "CREATE SCHEMA fault",
    "CREATE TABLE fault.said (id bigint, ce_id uuid, ce_type text, topic text, key text)",
    """
    CREATE FUNCTION fault.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO fault.said SELECT id, ce_id, ce_type, topic, key FROM written;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER fault_note AFTER INSERT ON outbox REFERENCING NEW TABLE AS written
        FOR EACH STATEMENT EXECUTE FUNCTION fault.note()
    """,
)


class Gathered(Protocol):
    """What a stand shows of itself here."""

    signer: PrincipalSigner
    smtp: MailSide
    services: dict[str, Process]
    databases: dict[str, str]

    @property
    def bootstrap(self) -> str: ...

    def bucket(self) -> S3Store: ...


async def gather(stand: Gathered) -> Outcome:
    """Everything, once the stand has come to rest; what runs is left running."""
    outcome = Outcome()
    for service, dsn in stand.databases.items():
        connection = await asyncpg.connect(dsn, ssl=False)
        try:
            await _said(connection, service, outcome)
            if service == "documents":
                await _documents(connection, stand.bucket(), outcome)
            if service == "notifier":
                await _notifier(connection, outcome)
            if service == "identity":
                rows = await connection.fetch("SELECT customer_number FROM customer ORDER BY 1")
                outcome.customers = [row["customer_number"] for row in rows]
        finally:
            await connection.close()
    for record in await records_on(stand.bootstrap, SPOKEN):
        outcome.bus.append(_bus_record(record))
    for record in await records_on(stand.bootstrap, DEAD_LETTERS):
        outcome.dead_letters.append(_dead_letter(record))
    outcome.mails = [MailTaken(mail.message_id, mail.to, mail.subject) for mail in await stand.smtp.mails()]
    documents = stand.services.get("documents")
    if documents is not None and documents.running:
        outcome.listed = await _lists(
            documents, stand.signer, sorted({row.customer_number for row in outcome.documents})
        )
    return outcome


async def records_on(bootstrap: str, topics: Sequence[str]) -> list[Any]:
    """Every record that stands on these topics now, as aiokafka gives it."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        places = places_of(topics)
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
        return found
    finally:
        await consumer.stop()


def _header(record: Any, name: str) -> str:
    return next(
        ((value or b"").decode("utf-8", "replace") for key, value in reversed(record.headers) if key == name), ""
    )


def _bus_record(record: Any) -> BusRecord:
    data = json.loads(record.value) if record.value else {}
    return BusRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        ce_id=_header(record, "ce_id"),
        ce_type=_header(record, "ce_type"),
        key=(record.key or b"").decode("utf-8", "replace"),
        document_id=data.get("document_id"),
        version=data.get("version"),
        current=data.get("current"),
    )


def _dead_letter(record: Any) -> DeadLetterRecord:
    return DeadLetterRecord(
        topic=_header(record, "dlq_topic"),
        partition=int(_header(record, "dlq_partition") or -1),
        offset=int(_header(record, "dlq_offset") or -1),
        reason=_header(record, "dlq_reason"),
        ce_id=_header(record, "ce_id"),
    )


async def _said(connection: "asyncpg.Connection[asyncpg.Record]", service: str, outcome: Outcome) -> None:
    rows = await connection.fetch(
        "SELECT s.*, o.id IS NOT NULL AS waiting FROM fault.said s LEFT JOIN outbox o USING (id) ORDER BY s.id"
    )
    outcome.said += [
        Said(service, row["id"], str(row["ce_id"]), row["ce_type"], row["topic"], row["key"], row["waiting"])
        for row in rows
    ]


async def _documents(connection: "asyncpg.Connection[asyncpg.Record]", bucket: S3Store, outcome: Outcome) -> None:
    for row in await connection.fetch(
        "SELECT id, customer_number, document_number, version, withdrawn_at FROM document"
    ):
        at = row["withdrawn_at"].isoformat() if row["withdrawn_at"] else None
        outcome.documents.append(
            DocumentRow(str(row["id"]), row["customer_number"], row["document_number"], row["version"], at)
        )
    rows = await connection.fetch("SELECT document_id, version, sha256, object_key FROM document_version")
    contents = await _contents(bucket, [row["object_key"] for row in rows])
    for row in rows:
        content = contents.get(row["object_key"])
        outcome.versions.append(VersionRow(str(row["document_id"]), row["version"], row["sha256"], content))
    for row in await connection.fetch(QUARANTINE):
        told = dict(json.loads(row["headers"])).get("ce_id") or ""
        place = (row["topic"], row["partition"], row["record_offset"])
        outcome.quarantine.append(QuarantineRow(*place, row["reason"], b64decode(told).decode("utf-8", "replace")))


async def _contents(bucket: S3Store, keys: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of each object that is there."""
    found: dict[str, str] = {}

    async def read(key: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            answer = await obstore.get_async(bucket, key)
            found[key] = hashlib.sha256(bytes(await answer.bytes_async())).hexdigest()

    for start in range(0, len(keys), AT_ONCE):
        await asyncio.gather(*map(read, keys[start : start + AT_ONCE]))
    return found


async def _notifier(connection: "asyncpg.Connection[asyncpg.Record]", outcome: Outcome) -> None:
    rows = await connection.fetch(
        "SELECT id, purpose, subject_id, address, state, document_id, document_version, reason FROM delivery"
    )
    for row in rows:
        document_id = str(row["document_id"]) if row["document_id"] else None
        facts = (row["purpose"], row["subject_id"], row["address"], row["state"])
        outcome.deliveries.append(
            DeliveryRow(str(row["id"]), *facts, document_id, row["document_version"], row["reason"])
        )
    known = await connection.fetch("SELECT DISTINCT customer_number FROM recipient WHERE email IS NOT NULL ORDER BY 1")
    outcome.users = [row["customer_number"] for row in known]


async def _lists(documents: Process, signer: PrincipalSigner, customers: Sequence[str]) -> list[ListedItem]:
    """What each customer sees, page by page."""
    items: list[ListedItem] = []
    async with httpx2.AsyncClient(base_url=documents.url, timeout=30) as client:
        for customer in customers:
            reader = Principal(uuid4(), customer, "administrator", uuid4())
            cursor: str | None = None
            while True:
                query = {"limit": "200", **({"cursor": cursor} if cursor else {})}
                answer = await client.get("/api/v1/documents", params=query, headers=signer.headers(reader))
                assert answer.status_code == 200, answer.text
                page = answer.json()
                items += [
                    ListedItem(customer, item["id"], item["document_number"], item["version"]) for item in page["items"]
                ]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
    return items
