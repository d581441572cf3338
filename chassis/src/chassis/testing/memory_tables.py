"""Inbox and outbox as tables of a `MemoryStore`, and the outbox in the hands of one relay."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from chassis.clock import Clock
from chassis.inbox.deduplicate import Identity, InboxMemory
from chassis.messaging.clients import Message
from chassis.outbox.held import Waiting
from chassis.outbox.record import OutboxRow, OutboxWriter
from chassis.testing.memory_store import MemorySession, MemoryStore, MemoryTransaction

INBOX, OUTBOX = "inbox", "outbox"
RELAY_LOCK = "relay"


class StoredInbox(InboxMemory):
    """Behaves like `Inbox`: remembers with the transaction."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        super().__init__()
        self._transaction = transaction

    async def _stored(self, asked: set[Identity]) -> Mapping[Identity, bytes]:
        return await self._transaction.get(INBOX, sorted(asked))

    async def _insert(self, rows: Mapping[Identity, bytes]) -> set[Identity]:
        return await self._transaction.insert(INBOX, rows)


class StoredOutbox(OutboxWriter):
    """Behaves like `Outbox`: says with the transaction. Ids are taken when it writes, so a later one may commit first."""

    def __init__(self, transaction: MemoryTransaction, *, source: str, clock: Clock) -> None:
        super().__init__(source=source, clock=clock)
        self._transaction = transaction

    async def _insert(self, rows: list[OutboxRow]) -> None:
        await self._transaction.append(OUTBOX, rows)


class MemoryHeldOutbox:
    """Behaves like `HeldOutbox`: every call goes over the session that holds the lock, and fails with it."""

    def __init__(self, session: MemorySession) -> None:
        self._session = session
        self._rows: dict[int, OutboxRow] = session.store.tables[OUTBOX]

    async def try_lock(self) -> bool:
        await self._session.statement()
        won = self._session.try_lock(RELAY_LOCK)
        await self._session.store.travel()
        return won

    async def read(self, after: int, *, rows: int, size: int, besides: Any = None) -> list[Waiting]:
        """The next rows by their ids, as many as asked for; sizes are not counted here."""
        await self._session.statement()
        topics, ids = (besides.topics, besides.ids) if besides and size else ((), ())
        wanted = (n for n, row in self._rows.items() if n > after and n not in ids and row.topic not in topics)
        waiting = [_waiting(number, self._rows[number]) for number in sorted(wanted)[:rows]]
        await self._session.store.travel()
        return waiting

    async def forget(self, ids: Sequence[int]) -> None:
        await self._session.statement()
        with self._session.store.commit():
            for number in ids:
                self._rows.pop(number, None)
        await self._session.statement()

    async def count(self) -> int:
        await self._session.statement()
        return len(self._rows)


@asynccontextmanager
async def hold_in_memory(
    store: MemoryStore, on_wake: Callable[[], None], held: type[MemoryHeldOutbox] = MemoryHeldOutbox
) -> AsyncIterator[MemoryHeldOutbox]:
    """In place of `chassis.outbox.held.hold`."""
    await store.travel()
    session = store.open()
    session.listen(on_wake)
    try:
        yield held(session)
    finally:
        session.end()


def _waiting(number: int, row: OutboxRow) -> Waiting:
    return Waiting(number, 0.0, Message(row.topic, row.key.encode(), row.value, row.headers))
