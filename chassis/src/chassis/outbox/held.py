"""The outbox as the one active relay holds it: a session of its own, whose advisory lock ends with it.

Every read and delete goes over that session, without a transaction around it. So a relay that lost its lock cannot go
on, and none keeps a snapshot open that would hold up vacuuming.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg

from chassis.database_url import connector
from chassis.messaging.clients import Message
from chassis.outbox.table import OUTBOX_CHANNEL

LOCK_KEY = 7_268_409_032
CONNECT_TIMEOUT = timedelta(seconds=5)
STATEMENT_TIMEOUT = timedelta(seconds=10)
CLOSE_SECONDS = 2.0

READ = """
SELECT id, topic, key, value, headers, extract(epoch FROM clock_timestamp() - created_at)::float8 AS age
FROM (
    SELECT *, sum(coalesce(octet_length(value), 0)) OVER (ORDER BY id) - coalesce(octet_length(value), 0) AS before
    FROM (
        SELECT * FROM outbox WHERE id > $1 AND topic <> ALL($4::text[]) AND id <> ALL($5::bigint[])
        ORDER BY id LIMIT $2
    ) AS next
) AS measured
WHERE before < $3
ORDER BY id
"""
FORGET = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a read passes over for now: whole topics, and single rows."""

    topics: Sequence[str] = ()
    ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row and the record it will be; `age` in seconds, by the database's clock."""

    id: int
    age: float
    message: Message


class HeldOutbox:
    """Valid as long as its connection; any failure of a call ends it."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def try_lock(self) -> bool:
        """Become the active relay of this database, unless another one is; held until the session ends."""
        return bool(await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY))

    async def read(self, after: int, *, rows: int, size: int, besides: LeftOut) -> list[Waiting]:
        """The next rows in the order of ids: at most so many, and no further one once their values have `size` bytes."""
        asked = await self._connection.fetch(READ, after, rows, size, list(besides.topics), list(besides.ids))
        return [_waiting(row) for row in asked]

    async def forget(self, ids: Sequence[int]) -> None:
        await self._connection.execute(FORGET, ids)


@asynccontextmanager
async def hold(url: str, on_wake: Callable[[], None]) -> AsyncIterator[HeldOutbox]:
    """Connect and listen: `on_wake` is called when rows are committed, and when the connection ends.

    TCP keepalives and tcp_user_timeout, set on the server's side, end the session of a relay that vanished in 30 s.
    """
    connect = connector(
        url,
        application_name="outbox relay",
        connect_timeout=CONNECT_TIMEOUT,
        statement_timeout=STATEMENT_TIMEOUT,
        lock_timeout=STATEMENT_TIMEOUT,
        idle_timeout=STATEMENT_TIMEOUT,
    )
    connection = await connect()
    try:
        connection.add_termination_listener(lambda *_: on_wake())
        await connection.add_listener(OUTBOX_CHANNEL, lambda *_: on_wake())
        yield HeldOutbox(connection)
    finally:
        await _close(connection)


async def _close(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """A polite end where the server answers, else the socket's."""
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
    except BaseException:
        connection.terminate()
        raise


def _waiting(row: Any) -> Waiting:
    headers = tuple((name, value.encode()) for name, value in json.loads(row["headers"]))
    return Waiting(row["id"], row["age"], Message(row["topic"], row["key"].encode(), row["value"], headers))
