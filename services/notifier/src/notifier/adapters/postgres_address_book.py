"""Users, their settings and the customers' lock rows in PostgreSQL."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.adapters.postgres_notification_settings import read_settings
from notifier.adapters.tables import notification_settings, recipient
from notifier.domain import NotificationSettings, Person, Recipient, User

LOCK = "SELECT 1 FROM customer WHERE customer_number = ANY($1::text[]) ORDER BY customer_number FOR UPDATE"
MAKE_LOCKS = "INSERT INTO customer SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
KEEP = """
INSERT INTO recipient (user_id, user_version, customer_number, email, salutation, first_name, last_name, language,
                       role, status, is_first)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::bool[])
ON CONFLICT (user_id) DO UPDATE SET
    user_version = excluded.user_version, email = excluded.email, salutation = excluded.salutation,
    first_name = excluded.first_name, last_name = excluded.last_name, language = excluded.language,
    role = excluded.role, status = excluded.status, is_first = recipient.is_first OR excluded.is_first
WHERE excluded.user_version > recipient.user_version
RETURNING user_id
"""
KEEP_FIRST = "UPDATE recipient SET is_first = true WHERE user_id = ANY($1::uuid[]) AND NOT is_first"
FORGET = """
UPDATE recipient
SET email = NULL, salutation = 'none', first_name = '', last_name = '', language = 'de', status = 'deleted'
WHERE user_id = ANY($1::uuid[])
"""
FORGET_SETTINGS = "DELETE FROM notification_settings WHERE user_id = ANY($1::uuid[])"


class PostgresAddressBook:
    """The address book of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def lock_customers(self, customers: Collection[str]) -> None:
        ordered = sorted(set(customers))
        await self._conn.exec_driver_sql(MAKE_LOCKS, (ordered,))
        await self._conn.exec_driver_sql(LOCK, (ordered,))

    async def keep(self, users: Sequence[User]) -> set[UUID]:
        latest = _latest(users)
        if not latest:
            return set()
        columns = tuple(list(column) for column in zip(*map(_row, latest), strict=True))
        kept = {row.user_id for row in await self._conn.exec_driver_sql(KEEP, columns)}
        firsts = [user.user_id for user in users if user.first]
        if firsts:
            await self._conn.exec_driver_sql(KEEP_FIRST, (firsts,))
        return kept

    async def forget(self, user_ids: Collection[UUID]) -> None:
        await self._conn.exec_driver_sql(FORGET, (list(user_ids),))
        await self._conn.exec_driver_sql(FORGET_SETTINGS, (list(user_ids),))

    async def recipients(self, customers: Collection[str]) -> list[Recipient]:
        rows = await self._conn.execute(
            select(recipient, notification_settings.c.default_mode, notification_settings.c.by_type)
            .outerjoin(notification_settings, notification_settings.c.user_id == recipient.c.user_id)
            .where(
                recipient.c.customer_number.in_(customers),
                (recipient.c.status == "active") | ((recipient.c.status == "invited") & recipient.c.is_first),
            )
            .order_by(recipient.c.user_id)
        )
        return [_recipient(row) for row in rows]

    async def first_users(self, customers: Collection[str]) -> Mapping[str, UUID]:
        rows = await self._conn.execute(
            select(recipient.c.customer_number, recipient.c.user_id).where(
                recipient.c.customer_number.in_(customers), recipient.c.is_first
            )
        )
        return {row.customer_number: row.user_id for row in rows}

    async def address_of(self, user_id: UUID) -> str | None:
        address: str | None = await self._conn.scalar(select(recipient.c.email).where(recipient.c.user_id == user_id))
        return address


def _latest(users: Iterable[User]) -> list[User]:
    """Only the highest version of each user: one statement may not touch a row twice."""
    latest: dict[UUID, User] = {}
    for user in users:
        if user.user_id not in latest or latest[user.user_id].user_version < user.user_version:
            latest[user.user_id] = user
    return sorted(latest.values(), key=lambda user: user.user_id)


def _row(user: User) -> tuple[object, ...]:
    person = user.person
    names = (person.salutation, person.first_name, person.last_name, person.language)
    facts = (user.user_id, user.user_version, user.customer_number, user.email)
    return (*facts, *names, user.role, user.status, bool(user.first))


def _recipient(row: Any) -> Recipient:
    return Recipient(
        user_id=row.user_id,
        customer_number=row.customer_number,
        address=row.email,
        person=Person(row.language, row.salutation, row.first_name, row.last_name),
        settings=read_settings(row) if row.default_mode is not None else NotificationSettings(),
    )
