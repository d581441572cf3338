"""What tests of documents make: papers, records of billing, the settings of a service."""

import base64
import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any, Protocol
from uuid import UUID, uuid4

from chassis.messaging.subscriptions import DeadLetter, Event, Handler, Record
from chassis.outbox.record import OutboxRow
from chassis.principal import Principal
from documents.ports import DocumentsWork, EffectsBefore
from documents.settings import DocumentsSettings
from kundenportal_contracts.envelope import Envelope, write_headers
from kundenportal_contracts.topics import BILLING_DOCUMENTS
from tests.fixtures import papers

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SOURCE = "billing/sap-1"
OFFSETS = count()

ISSUED = "billing.DocumentIssued.v1"
WITHDRAWN = "billing.DocumentWithdrawn.v1"


@cache
def pdf(text: str = "Rechnung") -> bytes:
    return papers.pdf(text)


def issued(paper: bytes | None = None, **changed: Any) -> dict[str, Any]:
    """The value of a DocumentIssued with its content inline."""
    paper = pdf() if paper is None else paper
    return {
        "customer_number": "4711",
        "document_number": "R0099901888",
        "document_type": "invoice",
        "issued_on": "2026-11-20",
        "media_type": "application/pdf",
        "size": len(paper),
        "sha256": hashlib.sha256(paper).hexdigest(),
        "content": {"inline": base64.b64encode(paper).decode()},
        "gross_amount": "119.00",
        "currency": "EUR",
        "due_on": "2026-12-04",
        **changed,
    }


def referenced(key: str, paper: bytes, **changed: Any) -> dict[str, Any]:
    """The same with its content in the intake bucket."""
    return issued(paper, content={"object": {"key": key}}, **changed)


def withdrawn(**changed: Any) -> dict[str, Any]:
    return {"customer_number": "4711", "document_number": "R0099901888", "reason": "Irrtum", **changed}


def event(
    data: dict[str, Any] | bytes | None,
    *,
    ce_type: str = ISSUED,
    event_id: str | None = None,
    source: str = SOURCE,
    time: datetime = NOW,
    key: bytes | None = b"4711",
) -> Event:
    """An event as the consumer hands it over; bytes are the value as they are."""
    envelope = Envelope(event_id or str(uuid4()), source, ce_type, time)
    value = json.dumps(data).encode() if isinstance(data, dict) else data
    headers = tuple(write_headers(envelope))
    return Event(Record(BILLING_DOCUMENTS.name, 0, next(OFFSETS), key, value, headers), envelope)


class Transactions(EffectsBefore, Protocol):
    def begin(self) -> AbstractAsyncContextManager[DocumentsWork]:
        """One transaction: kept when the block is left, undone when it raises."""


async def settle(
    handler: Handler[Any, DocumentsWork], transactions: Transactions, *events: Event
) -> Sequence[DeadLetter]:
    """Do what the consumer does with a run of events, all in one transaction."""
    prepared = await handler.prepare(events)
    async with transactions.begin() as work:
        return await handler.apply([one for one in prepared if not isinstance(one, DeadLetter)], work)


def said(rows: Sequence[OutboxRow], name: str) -> list[dict[str, Any]]:
    """The values of the events of one type, in order."""
    return [json.loads(row.value or b"null") for row in rows if row.ce_type == f"documents.{name}.v1"]


def reader(customer_number: str = "4711", user: int = 1) -> Principal:
    return Principal(UUID(int=user), customer_number, "member", UUID(int=100 + user))


def settings(**changed: Any) -> DocumentsSettings:
    plain: dict[str, Any] = {
        "http_port": 0,
        "management_port": 0,
        "database_url": "postgresql://documents:secret@127.0.0.1:1/documents",
        "kafka_bootstrap": "127.0.0.1:1",
        "identity_url": "http://127.0.0.1:1",
        "s3_endpoint": "http://127.0.0.1:1",
        "s3_access_key": "access",
        "s3_secret_key": "secret",
        "s3_documents_bucket": "documents",
        "s3_intake_bucket": "intake",
    }
    return DocumentsSettings(**{**plain, **changed})
