"""Deliveries in PostgreSQL. Every change names the states and the attempt that it may change: no row, no right."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.adapters.delivery_statements import (
    CANCEL_FOR_DOCUMENT,
    CANCEL_FOR_USERS,
    CLAIM,
    DUE_TOO_FAR,
    EXPIRE,
    LOSE,
    MARK,
    QUEUE,
    RENEW,
    REQUEUE,
    REVIVE,
    SETTLE,
)
from notifier.adapters.postgres_published_documents import document_from
from notifier.domain import (
    ALLOWED_FROM,
    LEASE,
    LEASE_ABSURD,
    LONGEST_WAIT_SECONDS,
    Credential,
    Form,
    NewDelivery,
    Person,
    Purpose,
    State,
    address_key,
    domain_of,
)
from notifier.ports import DueMail, Result, Settled, Ticket

EVER = datetime.min.replace(tzinfo=UTC)
RESENDING = [purpose.value for purpose in Purpose if purpose.resends_alone]


class PostgresDeliveries:
    """The deliveries of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def queue(self, deliveries: Sequence[NewDelivery]) -> None:
        once = {delivery.delivery_id: delivery for delivery in reversed(deliveries)}
        if once:
            rows = [_row(key, once[key]) for key in sorted(once)]
            await self._conn.exec_driver_sql(QUEUE, tuple(list(column) for column in zip(*rows, strict=True)))

    async def revive(self, subject_ids: Collection[str]) -> None:
        if subject_ids:
            await self._conn.exec_driver_sql(REVIVE, (list(subject_ids),))

    async def cancel(self, document_id: UUID, version: int | None, reason: str) -> None:
        await self._conn.exec_driver_sql(CANCEL_FOR_DOCUMENT, (document_id, version, reason))

    async def cancel_for_users(
        self, user_ids: Collection[UUID], customers: Collection[str], reason: str, purpose: Purpose | None = None
    ) -> None:
        values = (list(user_ids), reason, purpose.value if purpose else None, list(customers))
        await self._conn.exec_driver_sql(CANCEL_FOR_USERS, values)

    async def claim(self, limit: int, besides: Collection[str], since: datetime | None = None) -> list[DueMail]:
        result = await self._conn.exec_driver_sql(CLAIM, (limit, list(besides), LEASE, since or EVER))
        return [_due_mail(row) for row in result]

    async def mark_dot_pending(self, tickets: Sequence[Ticket]) -> set[Ticket]:
        return await self._named(MARK, tickets)

    async def renew(self, tickets: Sequence[Ticket]) -> set[Ticket]:
        return await self._named(RENEW, tickets)

    async def _named(self, statement: str, tickets: Sequence[Ticket]) -> set[Ticket]:
        if not tickets:
            return set()
        ids, attempts = [ticket.delivery_id for ticket in tickets], [ticket.attempt for ticket in tickets]
        result = await self._conn.exec_driver_sql(statement, (ids, attempts, LEASE))
        return {Ticket(row.id, row.attempt) for row in result}

    async def settle(self, results: Sequence[Result]) -> set[Ticket]:
        if not results:
            return set()
        columns = (
            [result.ticket.delivery_id for result in results],
            [result.ticket.attempt for result in results],
            [result.state.value for result in results],
            [result.reason for result in results],
            [result.form.value if result.form else None for result in results],
            [result.again_after for result in results],
            [",".join(sorted(ALLOWED_FROM[result.state])) for result in results],
        )
        settled = await self._conn.exec_driver_sql(SETTLE, columns)
        return {Ticket(row.id, row.attempt) for row in settled}

    async def release_expired_leases(self) -> list[Settled]:
        await self._conn.exec_driver_sql(REQUEUE, (LEASE_ABSURD,))
        await self._conn.exec_driver_sql(DUE_TOO_FAR, (list(LONGEST_WAIT_SECONDS),))
        lost = await self._conn.exec_driver_sql(LOSE, (LEASE_ABSURD, RESENDING))
        return [_settled(row) for row in lost]

    async def expire_credentials(self) -> list[Settled]:
        expired = await self._conn.exec_driver_sql(EXPIRE)
        return [_settled(row) for row in expired if row.state == State.FAILED]


def _row(delivery_id: UUID, delivery: NewDelivery) -> tuple[object, ...]:
    person, document, credential = delivery.person, delivery.document, delivery.credential
    return (
        delivery_id,
        delivery.customer_number,
        delivery.purpose.value,
        delivery.subject_id,
        delivery.address,
        address_key(delivery.address),
        domain_of(delivery.address),
        delivery.form.value,
        person.salutation,
        person.first_name,
        person.last_name,
        person.language,
        ",".join(str(user_id) for user_id in delivery.user_ids),
        document.document_id if document else None,
        document.version if document else None,
        credential.username if credential else None,
        credential.secret if credential else None,
        credential.expires_at if credential else None,
        delivery.state.value,
        delivery.reason,
        delivery.trace,
    )


def _due_mail(row: Any) -> DueMail:
    return DueMail(
        ticket=Ticket(row.id, row.attempt),
        purpose=Purpose(row.purpose),
        customer_number=row.customer_number,
        address=row.address,
        form=Form(row.form),
        person=Person(row.language, row.salutation, row.first_name, row.last_name),
        queued_at=row.queued_at,
        due_at=row.due_at,
        reason=row.reason,
        document=document_from(row) if row.document_id is not None else None,
        document_is_gone=row.document_is_gone,
        credential=_credential(row),
        trace=row.trace,
    )


def _credential(row: Any) -> Credential | None:
    if row.username is None:
        return None
    return Credential(row.user_ids[0], row.username, row.secret, row.expires_at)


def _settled(row: Any) -> Settled:
    return Settled(
        delivery_id=row.id,
        purpose=Purpose(row.purpose),
        customer_number=row.customer_number,
        address=row.address,
        form=Form(row.form),
        state=State(row.state),
        reason=row.reason,
        document_id=row.document_id,
        version=row.document_version,
        trace=row.trace,
    )
