"""Users in PostgreSQL. A user's language is the own choice, else the customer's, so each is read with the customer."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from identity.adapters.tables import customer, user_account
from identity.domain import User
from identity.ports import NewUser

ADD = """
WITH added AS (
    INSERT INTO user_account (user_id, user_version, customer_number, username, email, salutation, first_name, last_name,
                              role, status, first)
    SELECT user_id, user_version, customer_number, username, email, salutation, first_name, last_name, role, status, first
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                $10::text[], $11::boolean[])
         AS new (user_id, user_version, customer_number, username, email, salutation, first_name, last_name, role, status, first)
    ORDER BY username, user_id
    ON CONFLICT (username) DO NOTHING
    RETURNING user_id, customer_number
)
INSERT INTO credential (user_id, customer_number, password_hash, initial, expires_at)
SELECT user_id, customer_number, password_hash, true, expires_at
FROM added JOIN unnest($1::uuid[], $12::text[], $13::timestamptz[]) AS new (user_id, password_hash, expires_at)
     USING (user_id)
RETURNING user_id
"""

SAVE = """
UPDATE user_account SET user_version = new.user_version, status = new.status
FROM unnest($1::uuid[], $2::int[], $3::text[]) AS new (user_id, user_version, status)
WHERE user_account.user_id = new.user_id
"""

ADDED_FIELDS = (
    "user_id",
    "user_version",
    "customer_number",
    "username",
    "email",
    "salutation",
    "first_name",
    "last_name",
    "role",
    "status",
    "first",
)
USER_COLUMNS = (
    *(user_account.c[name] for name in ADDED_FIELDS),
    func.coalesce(user_account.c.own_language, customer.c.language).label("language"),
)


def user_of(row: Row[*tuple[Any, ...]]) -> User:
    """Read a user from a row that has USER_COLUMNS."""
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return User(**{name: fields[name] for name in (*ADDED_FIELDS, "language")})


class PostgresUsers:
    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, users: Sequence[NewUser]) -> set[UUID]:
        if not users:
            return set()
        columns = [[getattr(new.user, name) for new in users] for name in ADDED_FIELDS]
        secrets = ([new.password_hash for new in users], [new.expires_at for new in users])
        return set((await self._conn.exec_driver_sql(ADD, (*columns, *secrets))).scalars())

    async def first_of(self, numbers: Collection[str]) -> Mapping[str, User]:
        users = await self._read(_users(user_account.c.customer_number.in_(numbers) & user_account.c.first), numbers)
        return {user.customer_number: user for user in users}

    async def lock_of(self, numbers: Collection[str]) -> Sequence[User]:
        return await self._read(_locked(user_account.c.customer_number.in_(numbers)), numbers)

    async def lock_followers(self, numbers: Collection[str]) -> Sequence[User]:
        following = user_account.c.customer_number.in_(numbers) & user_account.c.own_language.is_(None)
        return await self._read(_locked(following), numbers)

    async def lock(self, user_id: UUID) -> User | None:
        return next(iter(await self._read(_locked(user_account.c.user_id == user_id), [user_id])), None)

    async def save(self, users: Sequence[User]) -> None:
        if users:
            columns = tuple([getattr(user, name) for user in users] for name in ("user_id", "user_version", "status"))
            await self._conn.exec_driver_sql(SAVE, columns)

    async def _read(self, statement: Select[Any], asked: Collection[object]) -> list[User]:
        return [user_of(row) for row in await self._conn.execute(statement)] if asked else []


def _users(condition: ColumnElement[bool]) -> Select[Any]:
    return select(*USER_COLUMNS).join(customer).where(condition)


def _locked(condition: ColumnElement[bool]) -> Select[Any]:
    """Lock the users, not their customers, in the order of their ids."""
    return _users(condition).order_by(user_account.c.user_id).with_for_update(of=user_account)
