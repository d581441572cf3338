"""Passwords' hashes in PostgreSQL, apart from the users, so that who reads a user never holds one."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from identity.adapters.postgres_users import USER_COLUMNS, user_of
from identity.adapters.tables import credential, customer, user_account
from identity.domain import Login


class PostgresCredentials:
    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find(self, username: str) -> Login | None:
        return await self._read(_logins(user_account.c.username == username))

    async def of(self, user_id: UUID) -> Login | None:
        return await self._read(_logins(user_account.c.user_id == user_id))

    async def hold(self, user_id: UUID) -> Login | None:
        """Lock the user, whom everyone locks before changing either row."""
        mine = user_account.c.user_id == user_id
        await self._conn.execute(select(user_account.c.user_id).where(mine).with_for_update(read=True))
        return await self._read(_logins(mine))

    async def replace(self, login: Login, new_hash: str) -> bool:
        statement = (
            update(credential)
            .where(_unchanged(login))
            .values(
                password_hash=new_hash,
                password_version=credential.c.password_version + 1,
                initial=False,
                expires_at=None,
            )
        )
        return (await self._conn.execute(statement)).rowcount == 1

    async def rehash(self, login: Login, new_hash: str) -> None:
        await self._conn.execute(update(credential).where(_unchanged(login)).values(password_hash=new_hash))

    async def _read(self, statement: Select[Any]) -> Login | None:
        row = (await self._conn.execute(statement)).one_or_none()
        if row is None:
            return None
        return Login(user_of(row), row.password_hash, row.password_version, row.initial, row.expires_at)


def _logins(condition: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            *USER_COLUMNS,
            credential.c.password_hash,
            credential.c.password_version,
            credential.c.initial,
            credential.c.expires_at,
        )
        .select_from(user_account)
        .join(customer)
        .join(credential, credential.c.user_id == user_account.c.user_id)
        .where(condition)
    )


def _unchanged(login: Login) -> ColumnElement[bool]:
    return (credential.c.user_id == login.user.user_id) & (credential.c.password_version == login.password_version)
