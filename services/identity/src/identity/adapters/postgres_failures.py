"""Counts of wrong passwords in PostgreSQL, so that every process of the service sees the same ones."""

from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from identity.adapters.tables import login_failure
from identity.domain import FAILURE_WINDOW, Failures
from identity.ports import Attempt


class PostgresFailures:
    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def of(self, attempt: Attempt) -> Failures | None:
        row = (
            await self._conn.execute(select(login_failure.c.failed, login_failure.c.since).where(_same(attempt)))
        ).one_or_none()
        return Failures(row.failed, row.since) if row else None

    async def add(self, attempt: Attempt, now: datetime) -> None:
        row = insert(login_failure).values(
            username_sha256=attempt.username_sha256, network=attempt.network, failed=1, since=now
        )
        over = login_failure.c.since <= now - FAILURE_WINDOW
        await self._conn.execute(
            row.on_conflict_do_update(
                index_elements=["username_sha256", "network"],
                set_={
                    "failed": case((over, 1), else_=login_failure.c.failed + 1),
                    "since": case((over, now), else_=login_failure.c.since),
                },
            )
        )

    async def clear(self, attempt: Attempt) -> None:
        await self._conn.execute(delete(login_failure).where(_same(attempt)))

    async def forget_old(self, now: datetime) -> int:
        old = login_failure.c.since <= now - FAILURE_WINDOW
        return (await self._conn.execute(delete(login_failure).where(old))).rowcount


def _same(attempt: Attempt) -> ColumnElement[bool]:
    return (login_failure.c.username_sha256 == attempt.username_sha256) & (login_failure.c.network == attempt.network)
