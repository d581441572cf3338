"""A database in memory: tables of keys and values, transactions that are committed or never were, and ways to fail.

READ COMMITTED as PostgreSQL does it: a transaction sees what is committed and what it wrote itself; who writes a row
that an open transaction has written waits for its end. A process that dies takes its sessions along, uncommitted.
"""

import asyncio
import contextvars
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import IDLE_TIMEOUT, LOCK_TIMEOUT, DatabaseUnavailable
from chassis.testing.memory_group import SOON, later
from chassis.testing.simulation.process import current_process

Row = tuple[str, Hashable]
GONE = object()
IDLE_SECONDS = IDLE_TIMEOUT.total_seconds()
LOCK_SECONDS = LOCK_TIMEOUT.total_seconds()


class MemoryStore:
    """Several processes may use it at once. What goes wrong is set on it, as on the broker in memory."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Any, Any]] = defaultdict(dict)
        """What is committed."""
        self.away = False
        """Whether every call fails."""
        self.lose_before_commit = 0
        """How many commits fail from now on, without effect."""
        self.lose_after_commit = 0
        """How many commits take effect from now on and fail for who made them."""
        self.fate: Callable[[], str] = lambda: ""
        """Asked at every commit: "before" or "after" is where this one is lost, as by the counts above."""
        self.latency: Callable[[], float] = lambda: 0.0
        """Seconds that each request and each answer is under way."""
        self.numbers = count(1)
        """A sequence: what a rolled back transaction took is not given again."""
        self.locks: dict[Hashable, MemorySession] = {}
        self.sessions: list[MemorySession] = []

    def open(self) -> "MemorySession":
        """Begin a session; raises DatabaseUnavailable."""
        if self.away:
            raise DatabaseUnavailable("away")
        return MemorySession(self)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["MemoryTransaction"]:
        """Commit at the end, roll back on any exception; raises DatabaseUnavailable where the session is lost."""
        await self.travel()
        session = self.open()
        try:
            transaction = MemoryTransaction(session)
            yield transaction
            await transaction.commit()
        finally:
            session.end()

    @asynccontextmanager
    async def service_transaction(self) -> AsyncIterator[AsyncConnection]:
        """The same in place of `Database`: what takes the connection knows that it is a MemoryTransaction."""
        async with self.transaction() as transaction:
            yield cast("AsyncConnection", transaction)

    def end_sessions(self) -> None:
        """What pg_terminate_backend does to all of them."""
        for session in list(self.sessions):
            session.end()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Around what a commit does: raises DatabaseUnavailable instead of it, or in spite of it."""
        fate = self.fate()
        if fate == "before" or self.lose_before_commit:
            self.lose_before_commit = max(0, self.lose_before_commit - 1)
            raise DatabaseUnavailable("lost before the commit")
        yield
        if fate == "after" or self.lose_after_commit:
            self.lose_after_commit = max(0, self.lose_after_commit - 1)
            raise DatabaseUnavailable("lost in the commit")

    def notify(self) -> None:
        """Wake who listens."""
        for session in self.sessions:
            session.wake()

    async def travel(self) -> None:
        await asyncio.sleep(self.latency())


class MemorySession:
    """One connection as the server sees it: its locks end with it."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.alive = True
        self._waiters: list[asyncio.Future[None]] = []
        self._on_wake: tuple[contextvars.Context, Callable[[], None]] | None = None
        process = current_process()
        self._take_back = process.at_end(self.end) if process else lambda: None
        store.sessions.append(self)

    async def statement(self) -> None:
        """Travel to the server; raises DatabaseUnavailable where it is away or has ended the session."""
        await self.store.travel()
        if self.store.away:
            self.end()
        if not self.alive:
            raise DatabaseUnavailable("the session has ended")

    def listen(self, on_wake: Callable[[], None]) -> None:
        """Call this, on the client's side, at every notice and when the session ends."""
        self._on_wake = contextvars.copy_context(), on_wake

    def wake(self) -> None:
        if self._on_wake is not None:
            context, on_wake = self._on_wake
            asyncio.get_running_loop().call_soon(on_wake, context=context)

    def try_lock(self, key: Hashable) -> bool:
        return self.store.locks.setdefault(key, self) is self

    async def lock(self, key: Hashable) -> None:
        """Hold this until the session ends; raises DatabaseUnavailable where another one holds it for LOCK_SECONDS."""
        while not self.try_lock(key):
            released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.store.locks[key]._waiters.append(released)  # noqa: SLF001 - another one of its kind
            await asyncio.wait({released}, timeout=LOCK_SECONDS)
            if not released.done():
                raise DatabaseUnavailable("lock not to be had")
            await self.statement()

    def end(self) -> None:
        if not self.alive:
            return
        self.alive = False
        self._take_back()
        self.store.sessions.remove(self)
        for key in [key for key, holder in self.store.locks.items() if holder is self]:
            del self.store.locks[key]
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.wake()


class MemoryTransaction:
    """Writes that are seen by nobody else until the commit; open without a statement for IDLE_SECONDS, the server ends it."""

    def __init__(self, session: MemorySession) -> None:
        self._session = session
        self._store = session.store
        self._writes: dict[Row, Any] = {}
        self._hear()
        self._watch()

    async def get(self, table: str, keys: Collection[Any]) -> dict[Any, Any]:
        """The rows there are of these."""
        await self._statement()
        found = {key: self._seen(table, key) for key in keys}
        return {key: value for key, value in found.items() if value is not GONE}

    async def all(self, table: str) -> dict[Any, Any]:
        """Every row of a table."""
        await self._statement()
        own = {key: value for (name, key), value in self._writes.items() if name == table}
        return self._store.tables[table] | own

    async def insert(self, table: str, rows: Mapping[Any, Any]) -> set[Any]:
        """Write those that are not there (ON CONFLICT DO NOTHING) and say which; waits for who is about to."""
        await self._statement()
        inserted = set()
        for key in sorted(rows):
            await self._lock((table, key))
            if self._seen(table, key) is GONE:
                self._writes[table, key] = rows[key]
                inserted.add(key)
        return inserted

    async def append(self, table: str, values: Collection[Any]) -> list[int]:
        """Write rows without a key of their own, under numbers taken now, whenever the commit is."""
        await self._statement()
        numbers = [next(self._store.numbers) for _ in values]
        self._writes |= {(table, number): value for number, value in zip(numbers, values, strict=True)}
        return numbers

    async def lock(self, table: str, key: Any) -> Any:
        """Hold a row until the end (SELECT … FOR UPDATE) and give it; None where it is not there."""
        await self._statement()
        await self._lock((table, key))
        found = self._seen(table, key)
        return None if found is GONE else found

    async def put(self, table: str, key: Any, value: Any) -> None:
        """Write a row, there or not."""
        await self.lock(table, key)
        self._writes[table, key] = value

    async def commit(self) -> None:
        await self._statement()
        with self._store.commit():
            self._apply()
        await self._store.travel()

    def _apply(self) -> None:
        for (table, key), value in self._writes.items():
            self._store.tables[table][key] = value
        self._session.end()
        self._store.notify()

    def _seen(self, table: str, key: Hashable) -> Any:
        if (table, key) in self._writes:
            return self._writes[table, key]
        return self._store.tables[table].get(key, GONE)

    async def _statement(self) -> None:
        await self._session.statement()
        self._hear()

    async def _lock(self, key: Row) -> None:
        """Waiting for a row is no idleness."""
        await self._session.lock(key)
        self._hear()

    def _hear(self) -> None:
        self._heard = asyncio.get_running_loop().time()

    def _watch(self) -> None:
        if self._session.alive:
            left = self._heard + IDLE_SECONDS - asyncio.get_running_loop().time()
            if left > SOON:
                later(left, self._watch)
            else:
                self._session.end()
