"""What can be said about an event before its content is looked at: the first of billing's reasons that applies wins."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

from chassis.clock import Clock
from chassis.messaging.subscriptions import Event, Record
from documents.domain import DocumentRefused, Reason
from kundenportal_contracts.billing import MEDIA_TYPES, DocumentIssued, DocumentWithdrawn, object_belongs_to
from kundenportal_contracts.envelope import EventInvalid, decode_at_once, read_object, validate
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
class Repeated:
    """An event that took effect before, with the same value: there is nothing to do."""

    event: Event


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
        issued = decode_at_once(DocumentIssued, event.record.value) or self._step_by_step(event)
        self._check_source(event)
        if issued.content.object is not None:
            _check_key(event.source, issued.content.object.key)
        self._check_time(event)
        if issued.size > self.max_document_bytes:
            raise DocumentRefused(Reason.TOO_LARGE, f"size is more than {self.max_document_bytes} bytes")
        return issued

    def _step_by_step(self, event: Event) -> DocumentIssued:
        """Read what is not right at first sight: the first reason that applies is told."""
        data = self._read(event)
        _check_object(event.source, data)
        media_type = data.get("media_type")
        if isinstance(media_type, str) and media_type not in MEDIA_TYPES:
            raise DocumentRefused(Reason.UNSUPPORTED_MEDIA_TYPE, "media_type is neither PDF nor XML")
        return _validate(DocumentIssued, data)

    def withdrawn(self, event: Event) -> DocumentWithdrawn:
        """Read a DocumentWithdrawn, or raise DocumentRefused."""
        withdrawn = _validate(DocumentWithdrawn, self._read(event))
        self._check_time(event)
        return withdrawn

    def _read(self, event: Event) -> dict[str, Any]:
        try:
            data = read_object(event.record.value)
        except EventInvalid as invalid:
            raise DocumentRefused(Reason(invalid.reason), invalid.detail) from None
        self._check_source(event)
        return data

    def _check_source(self, event: Event) -> None:
        if not self.is_billing(event.source):
            raise DocumentRefused(Reason.FOREIGN_SOURCE, "ce_source is none of the billing systems")

    def _check_time(self, event: Event) -> None:
        if event.time > self.clock.now() + AHEAD:
            raise DocumentRefused(Reason.INVALID_FIELD, "ce_time is more than 24 hours ahead")


def _validate(model: type[M], data: dict[str, Any]) -> M:
    try:
        return validate(model, data)
    except EventInvalid as invalid:
        raise DocumentRefused(Reason(invalid.reason), invalid.detail) from None


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
    if isinstance(key, str):
        _check_key(source, key)


def _check_key(source: str, key: str) -> None:
    if ".." in key or not object_belongs_to(source, key):
        raise DocumentRefused(Reason.FOREIGN_SOURCE, "content.object.key is not under <ce_source>/")
