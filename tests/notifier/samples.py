"""Users, documents and events as the notifier hears them, each with sensible values that a test may change."""

import itertools
import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from chassis.messaging.subscriptions import Event, Record
from chassis.testing.frozen_clock import DEFAULT_NOW
from kundenportal_contracts.envelope import Envelope
from notifier.domain import Credential, Document, Form, NewDelivery, Person, Purpose, User

_offsets = itertools.count()


def user(**changed: Any) -> User:
    values: dict[str, Any] = {
        "user_id": uuid4(),
        "user_version": 1,
        "customer_number": "4711",
        "email": "max@hof.example",
        "person": Person("de", "mr", "Max", "Mustermann"),
        "role": "administrator",
        "status": "active",
        "first": True,
    }
    return User(**(values | changed))


def document(**changed: Any) -> Document:
    values: dict[str, Any] = {
        "document_id": uuid4(),
        "version": 1,
        "customer_number": "4711",
        "document_number": "R0099901888",
        "document_type": "invoice",
        "issued_on": date(2018, 3, 2),
        "published_at": datetime(2026, 11, 23, 11, 0, tzinfo=UTC),
        "available_until": date(2027, 12, 23),
        "media_type": "application/pdf",
        "size": 1000,
        "sha256": "0" * 64,
        "object_key": "4711/abc/1",
        "gross_amount": "1234.5",
        "currency": "EUR",
        "due_on": date(2018, 3, 16),
    }
    return Document(**(values | changed))


def delivery(about: Document | None = None, address: str = "max@hof.example", **changed: Any) -> NewDelivery:
    about = about or document()
    values: dict[str, Any] = {
        "purpose": Purpose.DOCUMENT_PUBLISHED,
        "subject_id": about.subject_id,
        "customer_number": about.customer_number,
        "address": address,
        "form": Form.NOTICE,
        "person": Person("de", "mr", "Max", "Mustermann"),
        "user_ids": (uuid4(),),
        "document": about,
    }
    return NewDelivery(**(values | changed))


def credential_delivery(expires_at: datetime, user_id: UUID | None = None, **changed: Any) -> NewDelivery:
    user_id = user_id or uuid4()
    return delivery(
        purpose=Purpose.INITIAL_PASSWORD,
        subject_id=f"identity/{uuid4()}",
        user_ids=(user_id,),
        document=None,
        credential=Credential(user_id, "s8u8i1", "sealed", expires_at),
        **changed,
    )


def event(ce_type: str, data: dict[str, Any] | None, **changed: Any) -> Event:
    """An event as the consumer hands it over; `id`, `source`, `time`, `key` and `headers` may be changed."""
    value = None if data is None else json.dumps(data, default=str).encode()
    record = Record("topic", 0, next(_offsets), changed.get("key"), value, tuple(changed.get("headers", ())))
    envelope = Envelope(
        changed.get("id", str(uuid4())), changed.get("source", "identity"), ce_type, changed.get("time", DEFAULT_NOW)
    )
    return Event(record, envelope)


def user_event(name: str, **changed: Any) -> Event:
    data = {
        "user_id": str(uuid4()),
        "user_version": 1,
        "customer_number": "4711",
        "username": "s8u8i1",
        "email": "max@hof.example",
        "salutation": "mr",
        "first_name": "Max",
        "last_name": "Mustermann",
        "language": "de",
        "role": "administrator",
        "status": "active",
        **({"first": True} if name == "UserCreated" else {}),
        **changed,
    }
    return event(f"identity.{name}.v1", data, key=str(data["user_id"]).encode())


def published(**changed: Any) -> Event:
    envelope = {name: changed.pop(name) for name in ("id", "time", "headers") if name in changed}
    data = {
        "document_id": str(uuid4()),
        "version": 1,
        "current": True,
        "customer_number": "4711",
        "document_number": "R0099901888",
        "document_type": "invoice",
        "issued_on": "2018-03-02",
        "published_at": "2026-11-23T11:00:00Z",
        "available_until": "2027-12-23",
        "media_type": "application/pdf",
        "size": 1000,
        "sha256": "0" * 64,
        "object_key": "4711/abc/1",
        "xml_object_key": None,
        "gross_amount": "119.00",
        "currency": "EUR",
        "due_on": None,
        "einvoice": None,
        "findings": [],
        **changed,
    }
    return event("documents.DocumentPublished.v1", data, source="documents", **envelope)


def removed(document_id: str, version: int | None = None, **changed: Any) -> Event:
    data = {
        "document_id": document_id,
        "version": version,
        "customer_number": "4711",
        "document_number": "R0099901888",
        "reason": "withdrawn",
    }
    return event("documents.DocumentRemoved.v1", data | changed, source="documents")


def password_issued(secret: str, **changed: Any) -> Event:
    envelope = {name: changed.pop(name) for name in ("id", "time") if name in changed}
    data = {
        "user_id": str(uuid4()),
        "customer_number": "4711",
        "username": "s8u8i1",
        "salutation": "mr",
        "first_name": "Max",
        "last_name": "Mustermann",
        "language": "de",
        "email": "max@hof.example",
        "old_email": None,
        "expires_at": "2026-12-07T12:00:00Z",
        "secret": secret,
        **changed,
    }
    return event("identity.InitialPasswordIssued.v1", data, **envelope)
