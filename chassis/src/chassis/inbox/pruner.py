"""Forgetting events that the bus cannot bring again."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.lifecycle import Periodic
from chassis.logs import get_logger
from chassis.messaging import metrics
from kundenportal_contracts.topics import Topic

# Kafka drops whole segments: a record lives up to segment.ms (7 days where a topic sets none) longer than retention.ms.
SEGMENT = timedelta(days=7)
EVERY = timedelta(hours=1)
ROWS = 5000

DELETE = """
DELETE FROM inbox WHERE ctid = ANY (ARRAY(SELECT ctid FROM inbox WHERE taken_at < clock_timestamp() - $1::interval LIMIT $2))
"""

log = get_logger()


class Transactions(Protocol):
    def service_transaction(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


def lifetime(topics: Sequence[Topic]) -> timedelta:
    """Twice as long as the longest-lived record of these topics; compacted topics need no inbox and do not count."""
    return 2 * (
        max((topic.retention for topic in topics if topic.retention is not None), default=timedelta(0)) + SEGMENT
    )


async def prune(database: Transactions, topics: Sequence[Topic], *, rows: int = ROWS) -> int:
    """Delete what is older than `lifetime`, in short transactions of so many rows; return how many it were.

    May be cut off at any moment and run by several at a time.
    """
    forgotten, deleted = 0, rows
    while deleted >= rows:
        async with database.service_transaction() as connection:
            result = await connection.exec_driver_sql(DELETE, (lifetime(topics), rows))
            deleted = result.rowcount
        forgotten += deleted
    metrics.INBOX_PRUNED.inc(forgotten)
    if forgotten:
        log.info("inbox_pruned", rows=forgotten)
    return forgotten


def inbox_pruner(database: Transactions, topics: Sequence[Topic]) -> Periodic:
    """The job as a component."""
    return Periodic("inbox_pruner", EVERY, lambda: prune(database, topics))
