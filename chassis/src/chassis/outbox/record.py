"""Saying events: rows written in the caller's transaction, published by the relay once it is committed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.telemetry import Headers, trace_headers, trace_of
from kundenportal_contracts.envelope import Envelope, EventData, encode, write_headers
from kundenportal_contracts.topics import Topic

# Inserted in the order said, so that ids follow it; the wake-up reaches the relay with the commit and not before.
INSERT = """
WITH said AS (
    INSERT INTO outbox (ce_id, topic, key, ce_type, value, headers)
    SELECT ce_id, topic, key, ce_type, value, headers::jsonb
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[]) WITH ORDINALITY
         AS new (ce_id, topic, key, ce_type, value, headers, place)
    ORDER BY place
)
SELECT pg_notify('outbox', '')
"""


# `json.dumps` with separators makes an encoder for every row.
_JSON = json.JSONEncoder(separators=(",", ":"))


class Traced(Protocol):
    """An event or record that causes others: they follow its trace."""

    @property
    def trace_headers(self) -> tuple[tuple[str, bytes], ...]: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event to be said with more than its data: another key, a fixed id, what caused it.

    `trace` is for a cause of long ago, of which only the trace headers were kept.
    """

    event: EventData
    key: str | None = None
    event_id: UUID | None = None
    caused_by: Traced | None = None
    trace: Headers = ()


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A row as it is inserted: everything that the record on the bus will be."""

    ce_id: UUID
    topic: str
    key: str
    ce_type: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def headers_json(self) -> str:
        return _JSON.encode([(name, value.decode()) for name, value in self.headers])


class EventLog(Protocol):
    """What use cases need of an outbox; ports may name it."""

    async def add(
        self,
        event: EventData,
        *,
        key: str | None = None,
        event_id: UUID | None = None,
        caused_by: Traced | None = None,
    ) -> UUID: ...

    async def add_all(self, events: Iterable[EventData | Outgoing]) -> list[UUID]: ...

    async def tombstone(self, topic: Topic, key: str, ce_type: str, *, caused_by: Traced | None = None) -> UUID: ...


class OutboxWriter:
    """Turns what is said into rows; where the rows go is the subclass's."""

    def __init__(self, *, source: str, clock: Clock) -> None:
        self._source = source
        self._clock = clock

    async def add(
        self,
        event: EventData,
        *,
        key: str | None = None,
        event_id: UUID | None = None,
        caused_by: Traced | None = None,
    ) -> UUID:
        """Say one event; see `add_all`."""
        return (await self.add_all([Outgoing(event, key, event_id, caused_by)]))[0]

    async def add_all(self, events: Iterable[EventData | Outgoing]) -> list[UUID]:
        """Say events in this order and return their ids.

        They are published after the commit, at least once, always with the same id; a rollback unsays them. Each
        carries the trace of `caused_by`, else `trace`, else the current one. Events of one key are ordered only if whoever writes
        them has locked what they are about.
        """
        rows = [self._row(event if isinstance(event, Outgoing) else Outgoing(event)) for event in events]
        if rows:
            await self._insert(rows)
        return [row.ce_id for row in rows]

    async def tombstone(self, topic: Topic, key: str, ce_type: str, *, caused_by: Traced | None = None) -> UUID:
        """Say that this key of a compacted topic is to be forgotten: a record with a null value."""
        ce_id = uuid4()
        trace = caused_by.trace_headers if caused_by else ()
        await self._insert([self._finish(ce_id, topic.name, key, ce_type, None, trace)])
        return ce_id

    def _row(self, said: Outgoing) -> OutboxRow:
        event = said.event
        key = event.key if said.key is None else said.key
        trace = said.caused_by.trace_headers if said.caused_by else said.trace
        return self._finish(said.event_id or uuid4(), event.topic.name, key, event.ce_type, encode(event), trace)

    def _finish(
        self, ce_id: UUID, topic: str, key: str, ce_type: str, value: bytes | None, trace: Headers
    ) -> OutboxRow:
        envelope = Envelope(id=str(ce_id), source=self._source, type=ce_type, time=self._clock.now())
        headers = write_headers(envelope, trace_of(trace) or trace_headers())
        return OutboxRow(ce_id, topic, key, ce_type, value, tuple(headers))

    async def _insert(self, rows: list[OutboxRow]) -> None:
        raise NotImplementedError


class Outbox(OutboxWriter):
    """The outbox of one transaction: made from its connection, forgotten with it."""

    def __init__(self, conn: AsyncConnection, *, source: str, clock: Clock) -> None:
        super().__init__(source=source, clock=clock)
        self._conn = conn

    async def _insert(self, rows: list[OutboxRow]) -> None:
        columns: tuple[list[Any], ...] = (
            [row.ce_id for row in rows],
            [row.topic for row in rows],
            [row.key for row in rows],
            [row.ce_type for row in rows],
            [row.value for row in rows],
            [row.headers_json for row in rows],
        )
        await self._conn.exec_driver_sql(INSERT, columns)
