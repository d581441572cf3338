"""Keeps what billing handed over and nobody can take, and says so: the queue goes on, nothing is lost."""

import hashlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid5

from chassis.clock import Clock
from chassis.logs import get_logger
from chassis.messaging.subscriptions import DeadLetter, Malformed, Record
from chassis.outbox.record import Outgoing
from chassis.telemetry import following
from documents.domain import DocumentRefused, Reason
from documents.ports import DocumentsWork, QuarantinedRecord
from documents.use_cases.judge_events import Refused, refuse_record
from kundenportal_contracts.documents import DocumentRejected

NAMESPACE: Final = UUID("6f0a3c1e-52a7-5c0e-9b43-1d2a64d6c7aa")
_MAX_KEY_BYTES: Final = 256

log = get_logger()


class QuarantineRecords:
    """Takes the records that are no events at all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def prepare(self, records: Sequence[Malformed]) -> Sequence[Refused]:
        return [
            refuse_record(malformed.record, DocumentRefused(Reason.MALFORMED_EVENT, malformed.detail))
            for malformed in records
        ]

    async def apply(self, prepared: Sequence[Refused], work: DocumentsWork) -> Sequence[DeadLetter]:
        await work.outbox.add_all(await quarantine(prepared, work, self._clock))
        return ()


async def quarantine(refusals: Sequence[Refused], work: DocumentsWork, clock: Clock) -> list[Outgoing]:
    """Keep each record once, however often it is delivered; what is returned has to be said in the same transaction."""
    if not refusals:
        return []
    kept = {quarantine_id(refused.record): refused for refused in refusals}
    now = clock.now()
    new = await work.quarantine.add(
        [
            QuarantinedRecord(
                id=id_,
                record=refused.record,
                customer_number=refused.customer_number,
                document_number=refused.document_number,
                reason=refused.reason,
                detail=refused.detail,
                quarantined_at=now,
            )
            for id_, refused in kept.items()
        ]
    )
    return [_rejected(id_, refused) for id_, refused in kept.items() if id_ in new]


def quarantine_id(record: Record) -> UUID:
    """The same for every delivery of this record; another where a rebuilt topic gives its place to another record."""
    digest = hashlib.sha256(repr((record.key, record.headers)).encode())
    digest.update(record.value or b"")
    return uuid5(NAMESPACE, f"{record.topic}/{record.partition}/{record.offset}/{digest.hexdigest()}")


def _rejected(id_: UUID, refused: Refused) -> Outgoing:
    said = DocumentRejected(
        customer_number=refused.customer_number,
        document_number=refused.document_number,
        ce_source=_header(refused, "ce_source"),
        ce_id=_header(refused, "ce_id"),
        reason=refused.reason.value,
        detail=refused.detail,
        quarantine_id=id_,
    )
    with following(refused.record.trace_headers):
        log.warning(
            "document_rejected",
            quarantine_id=str(id_),
            reason=said.reason,
            detail=said.detail,
            customer_number=said.customer_number,
            document_number=said.document_number,
            ce_source=said.ce_source,
            ce_id=said.ce_id,
        )
    key = refused.customer_number or _readable_key(refused.record) or str(id_)
    return Outgoing(said, key=key, event_id=uuid5(id_, said.ce_type), caused_by=refused.record)


def _header(refused: Refused, name: str) -> str:
    """What the record itself says, however broken; empty where it says nothing."""
    return next(
        (value.decode("utf-8", "replace") for key, value in refused.record.headers if key == name and value), ""
    )


def _readable_key(record: Record) -> str | None:
    key = record.key or b""
    if not 0 < len(key) <= _MAX_KEY_BYTES:
        return None
    try:
        text = key.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
