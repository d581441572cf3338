"""Each event takes effect once: asked and remembered in the transaction that writes the effect."""

from collections.abc import Mapping, Sequence
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.messaging.retry import TryAgain
from chassis.messaging.subscriptions import Event

Seen = Literal["new", "repeated", "reused"]
Identity = tuple[str, str]

# OFFSET 0 keeps each look-up one by key; as a plain join the planner reads the whole inbox for every batch.
SELECT = """
SELECT known.source, known.event_id, known.value_sha256
FROM unnest($1::text[], $2::text[]) AS asked (source, event_id)
CROSS JOIN LATERAL (
    SELECT source, event_id, value_sha256 FROM inbox
    WHERE source = asked.source AND event_id = asked.event_id OFFSET 0
) AS known
"""

INSERT = """
INSERT INTO inbox (source, event_id, value_sha256)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT DO NOTHING
RETURNING source, event_id
"""


class InboxMemory:
    """Answers by what is stored; where that is is the subclass's."""

    def __init__(self) -> None:
        self._answered_new: set[Identity] = set()

    async def known(self, events: Sequence[Event]) -> dict[Identity, bytes]:
        """Look up which of these events took effect: the SHA-256 of the value by (source, event id); no folding.

        For handlers that judge one record after the other: what is missing here and never taken is judged afresh.
        """
        asked = {_identity(event) for event in events}
        known = dict(await self._stored(asked))
        self._answered_new |= asked - known.keys()
        return known

    async def seen(self, events: Sequence[Event]) -> list[Seen]:
        """Say for each event whether it is new, repeated (same id and value) or reused (same id, another value).

        Repeats inside `events` are folded: the first of an id is judged by the table, later ones by the first. Asking
        changes nothing.
        """
        known = await self.known(events)
        answers: list[Seen] = []
        for event in events:
            value = known.get(_identity(event))
            if value is None:
                known[_identity(event)] = event.value_sha256
                answers.append("new")
            else:
                answers.append("repeated" if value == event.value_sha256 else "reused")
        return answers

    async def take(self, events: Sequence[Event]) -> None:
        """Remember that these events take effect with this transaction; taking one twice changes nothing.

        Raises TryAgain where an event that `seen` called new, or `known` did not know, has meanwhile been taken by somebody else (a second
        consumer after a rebalance): the batch is rolled back and repeated, and is then answered "repeated".
        """
        rows = {_identity(event): event.value_sha256 for event in reversed(events)}
        if not rows:
            return
        inserted = await self._insert(rows)
        if (rows.keys() & self._answered_new) - inserted:
            raise TryAgain("another consumer has taken an event of this batch")
        self._answered_new -= inserted

    async def _stored(self, asked: set[Identity]) -> Mapping[Identity, bytes]:
        raise NotImplementedError

    async def _insert(self, rows: Mapping[Identity, bytes]) -> set[Identity]:
        raise NotImplementedError


class Inbox(InboxMemory):
    """The inbox of one transaction: made from its connection, forgotten with it."""

    def __init__(self, conn: AsyncConnection) -> None:
        super().__init__()
        self._conn = conn

    async def _stored(self, asked: set[Identity]) -> Mapping[Identity, bytes]:
        if not asked:
            return {}
        sources, ids = zip(*asked, strict=True)
        result = await self._conn.exec_driver_sql(SELECT, (list(sources), list(ids)))
        return {(row.source, row.event_id): bytes(row.value_sha256) for row in result}

    async def _insert(self, rows: Mapping[Identity, bytes]) -> set[Identity]:
        # In one order for everybody, so that two consumers never wait for each other.
        ordered = sorted(rows)
        arrays = ([source for source, _ in ordered], [event_id for _, event_id in ordered], [rows[i] for i in ordered])
        result = await self._conn.exec_driver_sql(INSERT, arrays)
        return {(row.source, row.event_id) for row in result}


def _identity(event: Event) -> Identity:
    return event.source, event.id
