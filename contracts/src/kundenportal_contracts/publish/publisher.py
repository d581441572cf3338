"""BillingPublisher: what a billing system calls to hand over customers and documents."""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from kundenportal_contracts.billing import (
    INLINE_BYTES,
    PDF,
    XML,
    CustomerChanged,
    CustomerClosed,
    CustomerRegistered,
    DocumentIssued,
    DocumentWithdrawn,
)
from kundenportal_contracts.envelope import Envelope, EventData, EventInvalid, encode, validate, write_headers
from kundenportal_contracts.publish.errors import PublishFailed
from kundenportal_contracts.publish.intake_bucket import Intake, IntakeBucket, S3Target
from kundenportal_contracts.publish.kafka_sender import KafkaSender, OutgoingRecord, Sender
from kundenportal_contracts.publish.trace import current_traceparent

Fields = Mapping[str, Any]
M = TypeVar("M", bound=EventData)

SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
SOURCE_LENGTH = 200
MADE_HERE = frozenset({"size", "sha256", "content"})


@dataclass(frozen=True, slots=True)
class _Bytes:
    """A document's bytes, measured. `held` is None for those that stay in their file until they are uploaded."""

    size: int
    sha256: str
    held: bytes | None


class BillingPublisher:
    """Hands over for one source, e.g. `billing/sap-1`. Each call returns the event's id once the broker has the event.

    Wrong fields, missing files and refused uploads raise PublishFailed, a bus that does not answer its subclass
    BusUnavailable; both within a bounded time, and the same call again is safe. Calls may run at the same time; the
    order of two calls about one document is the order in which they were begun. Each event bears a trace (W3C Trace
    Context): the caller's OpenTelemetry span where there is one, else one of its own.
    """

    def __init__(
        self,
        bootstrap: str,
        source: str,
        s3: S3Target | None = None,
        ssl: SSLContext | None = None,
        *,
        sender: Sender | None = None,
        intake: Intake | None = None,
    ) -> None:
        if not SOURCE.fullmatch(source) or len(source) > SOURCE_LENGTH:
            raise PublishFailed("the source must read like billing/sap-1: letters, digits, . _ - and / between them")
        self._source = source
        self._ids = uuid5(NAMESPACE_URL, source)
        self._sender = sender or KafkaSender(bootstrap, ssl)
        self._intake = intake or (IntakeBucket(s3) if s3 else None)
        self._last = datetime.min.replace(tzinfo=UTC)

    async def __aenter__(self) -> Self:
        await self._sender.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sender.stop()

    async def register_customer(self, fields: Fields, event_id: UUID | None = None) -> UUID:
        """Hand over a customer: customer_number, company, email, username, salutation, first_name, last_name, language."""
        return await self._say(_event(CustomerRegistered, fields), self._now(), event_id or uuid4())

    async def change_customer(self, fields: Fields, event_id: UUID | None = None) -> UUID:
        """Hand over the customer as it is now; the portal takes company and language from it."""
        return await self._say(_event(CustomerChanged, fields), self._now(), event_id or uuid4())

    async def close_customer(self, fields: Fields, event_id: UUID | None = None) -> UUID:
        """End a customer: customer_number, reason."""
        return await self._say(_event(CustomerClosed, fields), self._now(), event_id or uuid4())

    async def withdraw(self, fields: Fields, event_id: UUID | None = None) -> UUID:
        """Take a document back: customer_number, document_number, reason. It hides what was issued before."""
        return await self._say(_event(DocumentWithdrawn, fields), self._now(), event_id or uuid4())

    async def issue(
        self, fields: Fields, content: bytes | Path, event_id: UUID | None = None, *, traceparent: str | None = None
    ) -> UUID:
        """Hand over a document.

        Fields: customer_number, document_number, document_type, issued_on, and where there is one gross_amount,
        currency, due_on, media_type (else it follows from the file's suffix; bytes are PDF).

        Content over 512 KiB goes to the intake bucket first. The event's id follows from source and value, so that the
        same again is known as a repeat; give an id of your own to issue again what was withdrawn. `traceparent` (W3C
        Trace Context) joins it to a trace of yours.
        """
        time = self._now()
        for name in MADE_HERE.intersection(fields):
            raise PublishFailed("is computed from the content", name)
        media_type = str(fields.get("media_type") or _media_type(content))
        measured = await asyncio.to_thread(_measure, content)
        key = f"{self._source}/{fields.get('customer_number')}/{measured.sha256}"
        reference = {"inline": measured.held} if measured.held is not None else {"object": {"key": key}}
        made = {"media_type": media_type, "size": measured.size, "sha256": measured.sha256, "content": reference}
        event = _event(DocumentIssued, {**fields, **made})
        if measured.held is None:
            await self._upload(key, content, media_type)
        return await self._say(event, time, event_id, traceparent)

    async def _upload(self, key: str, content: bytes | Path, media_type: str) -> None:
        if self._intake is None:
            raise PublishFailed(f"content over {INLINE_BYTES} bytes needs the intake bucket, and no S3Target is given")
        await self._intake.put(key, content, media_type)

    async def _say(
        self, event: EventData, time: datetime, event_id: UUID | None, traceparent: str | None = None
    ) -> UUID:
        value = encode(event)
        said = event_id or uuid5(self._ids, hashlib.sha256(value).hexdigest())
        trace = [("traceparent", (traceparent or current_traceparent()).encode())]
        headers = write_headers(Envelope(str(said), self._source, event.ce_type, time), trace)
        await self._sender.send(OutgoingRecord(event.topic.name, event.key.encode(), value, headers))
        return said

    def _now(self) -> datetime:
        """Give the time of a call, later than that of the call before: it decides which version is the current one."""
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last


def _event(model: type[M], fields: Fields) -> M:
    for name in sorted(set(fields) - set(model.model_fields)):
        raise PublishFailed("is no field of " + model.ce_type, name)
    try:
        return validate(model, dict(fields))
    except EventInvalid as error:
        raise PublishFailed(error.detail, error.field) from None


def _media_type(content: bytes | Path) -> str:
    return XML if isinstance(content, Path) and content.suffix.lower() == ".xml" else PDF


def _measure(content: bytes | Path) -> _Bytes:
    if isinstance(content, bytes):
        held = content if len(content) <= INLINE_BYTES else None
        return _Bytes(len(content), hashlib.sha256(content).hexdigest(), held)
    try:
        with content.open("rb") as file:
            start = file.read(INLINE_BYTES + 1)
            if len(start) <= INLINE_BYTES:
                return _Bytes(len(start), hashlib.sha256(start).hexdigest(), start)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return _Bytes(file.tell(), digest, None)
    except OSError as error:
        raise PublishFailed(f"{content.name} cannot be read: {error.strerror}") from None
