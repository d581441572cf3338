"""What tests of identity make: customers, users, records of billing."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from chassis.messaging.subscriptions import DeadLetter, Event, Handler, Record
from chassis.outbox.record import OutboxRow
from identity.domain import User
from identity.ports import PrivacyNotice, Transactions, Verified, Work
from kundenportal_contracts.envelope import Envelope, write_headers
from kundenportal_contracts.topics import BILLING_CUSTOMERS

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OFFSETS = count()


def user(**changed: Any) -> User:
    """The first user of customer 4711, invited and not yet signed in."""
    made = User(
        user_id=uuid4(),
        user_version=1,
        customer_number="4711",
        username="s8u8i1",
        email="max.mustermann@mail.example",
        salutation="mr",
        first_name="Max",
        last_name="Mustermann",
        language="de",
        role="administrator",
        status="invited",
        first=True,
    )
    return replace(made, **changed)


def registration(**changed: Any) -> dict[str, Any]:
    """The value of a CustomerRegistered or CustomerChanged."""
    return {
        "customer_number": "4711",
        "company": "Hof Mustermann",
        "email": "max.mustermann@mail.example",
        "username": "s8u8i1",
        "salutation": "mr",
        "first_name": "Max",
        "last_name": "Mustermann",
        "language": "de",
        **changed,
    }


def event(
    data: dict[str, Any] | bytes | None,
    *,
    ce_type: str = "billing.CustomerRegistered.v1",
    event_id: str | None = None,
    source: str = "billing/sap-1",
    time: datetime = NOW,
    key: bytes | None = b"4711",
) -> Event:
    """An event as the consumer hands it over; bytes are the value as they are."""
    envelope = Envelope(event_id or str(uuid4()), source, ce_type, time)
    value = json.dumps(data).encode() if isinstance(data, dict) else data
    headers = tuple(write_headers(envelope))
    return Event(Record(BILLING_CUSTOMERS.name, 0, next(OFFSETS), key, value, headers), envelope)


class PlainPasswords:
    """Passwords without Argon2; counts what was asked, so that nobody gets away without a comparison."""

    def __init__(self) -> None:
        self.compared: list[str | None] = []

    async def verify(self, stored: str | None, password: str) -> Verified:
        self.compared.append(stored)
        if stored == f"outdated:{password}":
            return Verified(fits=True, new_hash=f"hashed:{password}")
        return Verified(stored in {f"hashed:{password}", f"initial:{password}"})

    async def hash(self, password: str) -> str:
        return f"hashed:{password}"

    async def hash_initial(self, passwords: Sequence[str]) -> Sequence[str]:
        return [f"initial:{password}" for password in passwords]


class PlainSecrets:
    async def seal(self, secrets: Sequence[str]) -> Sequence[str]:
        return [f"sealed..iv.{secret}.tag" for secret in secrets]


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


class PlainNotices:
    """Version 1 in force, until a test puts another one in force."""

    version = "1"

    def text(self, language: str) -> PrivacyNotice:
        return PrivacyNotice(self.version, f"Title {language}", f"<p>{language}</p>")


async def settle(handler: Handler[Any, Work], transactions: Transactions, *events: Event) -> Sequence[DeadLetter]:
    """Do what the consumer does with a run of events, all in one transaction."""
    prepared = await handler.prepare(events)
    async with transactions.service() as work:
        return await handler.apply([one for one in prepared if not isinstance(one, DeadLetter)], work)


def said(rows: Sequence[OutboxRow], ce_type: str) -> list[dict[str, Any]]:
    """The values of the events of one type, in order."""
    return [json.loads(row.value or b"null") for row in rows if row.ce_type == f"identity.{ce_type}.v1"]
