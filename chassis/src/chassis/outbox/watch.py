"""Measures outbox and inbox from outside the relay, so that the figures are true while it is stuck, away or standing by."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.inbox.pruner import inbox_pruner
from chassis.lifecycle import Periodic
from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.unavailable import Unavailable
from kundenportal_contracts.topics import Topic

EVERY = timedelta(seconds=5)
LIMIT_SECONDS = 10.0

MEASURE = """
SELECT
    (SELECT count(*) FROM (SELECT FROM outbox LIMIT 10000) AS counted) AS outbox_rows,
    (SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox ORDER BY id LIMIT 1) AS outbox_age,
    CASE WHEN reltuples < 10000 THEN (SELECT count(*) FROM (SELECT FROM inbox LIMIT 10000) AS counted)
         ELSE reltuples END::float8 AS inbox_rows,
    pg_total_relation_size(oid)::float8 AS inbox_bytes
FROM pg_class WHERE oid = 'inbox'::regclass
"""

log = get_logger()


class Transactions(Protocol):
    def service_transaction(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


class TableWatch:
    """The job. While the database does not answer, what was oldest grows older."""

    def __init__(self, database: Transactions, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._age: float | None = None
        self._measured_at = clock.monotonic()
        self._failing = False
        metrics.OUTBOX_AGE.set_function(self.oldest_seconds)

    async def __call__(self) -> None:
        try:
            async with asyncio.timeout(LIMIT_SECONDS), self._database.service_transaction() as connection:
                found = (await connection.exec_driver_sql(MEASURE)).one()
        except (Unavailable, SQLAlchemyError, OSError, TimeoutError) as error:
            if not self._failing:
                log.warning("tables_not_measured", error=type(error).__name__)
            self._failing = True
            return
        self._failing = False
        self._age, self._measured_at = found.outbox_age, self._clock.monotonic()
        metrics.OUTBOX_ROWS.set(found.outbox_rows)
        metrics.INBOX_ROWS.set(found.inbox_rows)
        metrics.INBOX_BYTES.set(found.inbox_bytes)

    def oldest_seconds(self) -> float:
        """The age of the oldest event that waits, as measured, and more once the next measurement is overdue."""
        if self._age is None:
            return 0.0
        overdue = self._clock.monotonic() - self._measured_at - EVERY.total_seconds()
        return max(0.0, self._age) + max(0.0, overdue)


def table_jobs(database: Transactions, topics: Sequence[Topic], clock: Clock) -> list[Periodic]:
    """What every service with outbox and inbox lets run beside its work; `topics` are those it takes events from."""
    return [inbox_pruner(database, topics), table_watch(database, clock)]


def table_watch(database: Transactions, clock: Clock) -> Periodic:
    """The job as a component."""
    return Periodic("table_watch", EVERY, TableWatch(database, clock))
