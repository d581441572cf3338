"""What can be said about an event before its content is looked at: the first of billing's reasons that applies wins."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

from chassis.clock import Clock
from chassis.messaging.subscriptions import Event, Record
from documents.domain import DocumentRefused, Reason
from kundenportal_contracts.billing import MEDIA_TYPES, DocumentIssued, DocumentWithdrawn, object_belongs_to
from kundenportal_contracts.envelope import EventInvalid, read_object, validate
from kundenportal_contracts.fields import customer_number_or_none, document_number_or_none

AHEAD: Final = timedelta(hours=24)

M = TypeVar("M", DocumentIssued, DocumentWithdrawn)
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Taken(Generic[T_co]):
    """An event that takes effect unless its id took effect before."""

    event: Event
    effect: T_co


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that goes to quarantine, with what could be read of it. `event` is None where there is no envelope."""

    record: Record
    event: Event | None
    reason: Reason
    detail: str
    customer_number: str | None = None
    document_number: str | None = None


@dataclass(frozen=True)
class Judge:
    """The rules that settings and time decide."""

    is_billing: Callable[[str], bool]
    max_document_bytes: int
    clock: Clock

    def issued(self, event: Event) -> DocumentIssued:
        """Read a DocumentIssued, or raise DocumentRefused up to the reason too_large, as declared."""
        data = self._read(event)
        _check_object(event.source, data)
        media_type = data.get("media_type")
        if isinstance(media_type, str) and media_type not in MEDIA_TYPES:
            raise DocumentRefused(Reason.UNSUPPORTED_MEDIA_TYPE, "media_type is neither PDF nor XML")
        issued = self._validate(event, DocumentIssued, data)
        if issued.size > self.max_document_bytes:
            raise DocumentRefused(Reason.TOO_LARGE, f"size is more than {self.max_document_bytes} bytes")
        return issued

    def withdrawn(self, event: Event) -> DocumentWithdrawn:
        """Read a DocumentWithdrawn, or raise DocumentRefused."""
        return self._validate(event, DocumentWithdrawn, self._read(event))

    def _read(self, event: Event) -> dict[str, Any]:
        try:
            data = read_object(event.record.value)
        except EventInvalid as invalid:
            raise DocumentRefused(Reason(invalid.reason), invalid.detail) from None
        if not self.is_billing(event.source):
            raise DocumentRefused(Reason.FOREIGN_SOURCE, "ce_source is none of the billing systems")
        return data

    def _validate(self, event: Event, model: type[M], data: dict[str, Any]) -> M:
        try:
            valid = validate(model, data)
        except EventInvalid as invalid:
            raise DocumentRefused(Reason(invalid.reason), invalid.detail) from None
        if event.time > self.clock.now() + AHEAD:
            raise DocumentRefused(Reason.INVALID_FIELD, "ce_time is more than 24 hours ahead")
        return valid


def refuse(event: Event, refusal: DocumentRefused) -> Refused:
    """Note a refusal with the customer and the document, where they can be read."""
    return refuse_record(event.record, refusal, event)


def refuse_record(record: Record, refusal: DocumentRefused, event: Event | None = None) -> Refused:
    """The same for a record that may be no event."""
    try:
        data = read_object(record.value)
    except EventInvalid:
        data = {}
    return Refused(
        record=record,
        event=event,
        reason=refusal.reason,
        detail=refusal.detail,
        customer_number=customer_number_or_none(data.get("customer_number")),
        document_number=document_number_or_none(data.get("document_number")),
    )


def _check_object(source: str, data: dict[str, Any]) -> None:
    """Refuse an object outside the speaker's own prefix before anything else is asked of the event."""
    content = data.get("content")
    reference = content.get("object") if isinstance(content, dict) else None
    key = reference.get("key") if isinstance(reference, dict) else None
    if isinstance(key, str) and (".." in key or not object_belongs_to(source, key)):
        raise DocumentRefused(Reason.FOREIGN_SOURCE, "content.object.key is not under <ce_source>/")
