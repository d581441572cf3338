"""Acceptances of privacy notices in PostgreSQL; rows are only ever added."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from identity.adapters.tables import privacy_acceptance
from identity.domain import User


class PostgresAcceptances:
    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, user: User, version: str, now: datetime) -> None:
        row = insert(privacy_acceptance).values(
            user_id=user.user_id, version=version, customer_number=user.customer_number, accepted_at=now
        )
        await self._conn.execute(row.on_conflict_do_nothing())
