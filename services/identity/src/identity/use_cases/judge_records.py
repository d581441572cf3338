"""Whether a record of billing about a customer can be taken: each check in the interface's order, the first hit wins.

A bad record becomes a dead letter and a CustomerRejected. It leaves no trace in the inbox, so it is judged afresh when it
comes again, and whoever says the same id with a value that is right is heard.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar
from uuid import NAMESPACE_URL, uuid5

from chassis.messaging.subscriptions import DeadLetter, Event, Malformed, Record
from chassis.outbox.record import Outgoing
from identity.ports import Work
from kundenportal_contracts.envelope import EventData, EventInvalid, read_object, validate
from kundenportal_contracts.fields import customer_number_or_none, is_plain
from kundenportal_contracts.identity import CustomerRejected, CustomerRejection

M = TypeVar("M", bound=EventData)

MOST_AHEAD = timedelta(hours=24)
KEY_LENGTH = 256
# These need no look at what was taken before.
AT_ONCE = frozenset({"malformed_event", "foreign_source"})


class HasCustomerNumber(Protocol):
    @property
    def customer_number(self) -> str: ...


class Readable(Protocol):
    """An event that is right by itself, with what a use case has prepared for it."""

    @property
    def event(self) -> Event: ...

    @property
    def data(self) -> HasCustomerNumber: ...


R = TypeVar("R", bound=Readable)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record is not taken. `detail` names fields and holds no values."""

    record: Record
    reason: CustomerRejection
    detail: str
    customer_number: str | None = None
    event: Event | None = None


def judge(event: Event, model: type[M], *, sources: Iterable[str], now: datetime) -> M | Refusal:
    """Judge an event by itself; whether its id was used before is seen in the transaction."""
    number: str | None = None
    try:
        fields = read_object(event.record.value)
        number = customer_number_or_none(fields.get("customer_number"))
        if not any(fnmatchcase(event.source, pattern) for pattern in sources):
            return Refusal(event.record, "foreign_source", "ce_source is none of billing's", number, event)
        if event.time > now + MOST_AHEAD:
            return Refusal(event.record, "invalid_field", "ce_time lies more than 24 hours ahead", number, event)
        return validate(model, fields)
    except EventInvalid as error:
        return Refusal(event.record, error.reason, error.detail, number, event)


def judge_malformed(malformed: Malformed) -> Refusal:
    """Refuse a record without a usable envelope, or of a type that nobody knows."""
    try:
        number = customer_number_or_none(read_object(malformed.record.value).get("customer_number"))
    except EventInvalid:
        number = None
    return Refusal(malformed.record, "malformed_event", malformed.detail, number)


async def take_once(prepared: Sequence[R | Refusal], work: Work) -> tuple[list[R], list[Refusal]]:
    """Take what is right and new, refuse what is wrong, drop what has already taken effect."""
    known = dict(await work.inbox.known([one.event for one in prepared if one.event]))
    taken: list[R] = []
    refusals: list[Refusal] = []
    for one in prepared:
        before = known.get((one.event.source, one.event.id)) if one.event else None
        if isinstance(one, Refusal) and (one.reason in AT_ONCE or before is None):
            refusals.append(one)
        elif before is not None and one.event and before != one.event.value_sha256:
            refusals.append(_reused(one.event, one))
        elif before is None and not isinstance(one, Refusal):
            known[one.event.source, one.event.id] = one.event.value_sha256
            taken.append(one)
    await work.inbox.take([one.event for one in taken])
    return taken, refusals


async def reject(refusals: Sequence[Refusal], work: Work) -> list[DeadLetter]:
    """Tell billing, and hand the records to the dead letters."""
    await work.outbox.add_all([_told(refusal) for refusal in refusals])
    return [DeadLetter(refusal.record, refusal.reason, refusal.detail) for refusal in refusals]


def _reused(event: Event, one: Readable | Refusal) -> Refusal:
    number = one.customer_number if isinstance(one, Refusal) else one.data.customer_number
    return Refusal(event.record, "event_id_reused", "ce_id was used before with another value", number, event)


def _told(refusal: Refusal) -> Outgoing:
    """Write it under an id that stays the same when the record is read again."""
    record = refusal.record
    place = f"{record.topic}/{record.partition}/{record.offset}"
    rejected = CustomerRejected(
        customer_number=refusal.customer_number,
        ce_source=_header(record, "ce_source"),
        ce_id=_header(record, "ce_id"),
        reason=refusal.reason,
        detail=refusal.detail,
    )
    key = refusal.customer_number or _key(record) or rejected.ce_id or place
    event_id = uuid5(NAMESPACE_URL, f"{place}/{rejected.ce_source}/{rejected.ce_id}")
    return Outgoing(rejected, key=key, event_id=event_id, caused_by=refusal.record)


def _header(record: Record, name: str) -> str:
    """What the record itself says, however broken; empty where it says nothing."""
    values = (value for header, value in record.headers if header == name and value)
    return next(values, b"")[:KEY_LENGTH].decode("utf-8", "replace")


def _key(record: Record) -> str | None:
    key = (record.key or b"")[:KEY_LENGTH].decode("utf-8", "replace")
    return key if is_plain(key) and key.strip() else None
