"""One suite for the outbox in a relay's hands: the one in memory behaves like the session with its lock."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio

from chassis.messaging.retry import classify
from chassis.outbox.held import LeftOut, hold
from chassis.outbox.record import Outbox, OutboxWriter
from chassis.outbox.relay import Held
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.memory_store import MemoryStore
from chassis.testing.memory_tables import StoredOutbox, hold_in_memory
from tests.chassis.items import ITEMS, ItemNamed, until
from tests.chassis.stand import Stand, terminate_all
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration

CLOCK = FrozenClock()
NOTHING = LeftOut()
LARGE = 10_000_000


@dataclass
class Subject:
    transaction: Callable[[], AbstractAsyncContextManager[OutboxWriter]]
    hold: Callable[[Callable[[], None]], AbstractAsyncContextManager[Held]]
    end_sessions: Callable[[], Awaitable[object]]

    async def say(self, *items: str) -> None:
        async with self.transaction() as outbox:
            await outbox.add_all([ItemNamed(item=item) for item in items])


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "memory":
        yield in_memory()
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    async with Stand(postgres.create_database("held"), "nowhere:1") as stand:

        @asynccontextmanager
        async def transaction() -> AsyncIterator[OutboxWriter]:
            async with stand.database.service_transaction() as conn:
                yield Outbox(conn, source="tests", clock=CLOCK)

        async def end_sessions() -> object:
            return await terminate_all(postgres.superuser_dsn, stand.dsn)

        yield Subject(transaction, lambda on_wake: hold(stand.dsn, on_wake), end_sessions)


def in_memory() -> Subject:
    store = MemoryStore()

    @asynccontextmanager
    async def transaction() -> AsyncIterator[OutboxWriter]:
        async with store.transaction() as opened:
            yield StoredOutbox(opened, source="tests", clock=CLOCK)

    async def end_sessions() -> None:
        store.end_sessions()

    return Subject(transaction, lambda on_wake: hold_in_memory(store, on_wake), end_sessions)


async def keys(held: Held, after: int = 0, *, rows: int = 100, besides: LeftOut = NOTHING) -> list[str]:
    found = await held.read(after, rows=rows, size=LARGE, besides=besides)
    return [(row.message.key or b"").decode() for row in found]


async def test_one_session_has_the_lock(subject: Subject) -> None:
    """Until it ends; whoever has it may ask again."""
    async with AsyncExitStack() as stack:
        async with subject.hold(lambda: None) as first:
            second = await stack.enter_async_context(subject.hold(lambda: None))
            assert await first.try_lock()
            assert not await second.try_lock()
            assert await first.try_lock()
        assert await second.try_lock()


async def test_rows_are_read_in_the_order_of_their_ids(subject: Subject) -> None:
    """As many as asked for, from where asked; what was forgotten is gone, what was not comes again."""
    await subject.say("a", "b", "c")
    async with subject.hold(lambda: None) as held:
        first, second, third = await held.read(0, rows=10, size=LARGE, besides=NOTHING)
        assert [row.message.topic for row in (first, second, third)] == [ITEMS.name] * 3
        assert first.id < second.id < third.id
        assert await keys(held, rows=2) == ["a", "b"]
        assert await keys(held, second.id) == ["c"]
        await held.forget([second.id])
        assert await keys(held) == ["a", "c"]


async def test_what_is_left_out_is_passed_over(subject: Subject) -> None:
    """Whole topics, and single rows; both are there afterwards."""
    await subject.say("a", "b")
    async with subject.hold(lambda: None) as held:
        (first, _) = await held.read(0, rows=10, size=LARGE, besides=NOTHING)
        assert await keys(held, besides=LeftOut(ids=[first.id])) == ["b"]
        assert await keys(held, besides=LeftOut(topics=[ITEMS.name])) == []
        assert await keys(held) == ["a", "b"]


async def test_a_lower_id_may_be_committed_later(subject: Subject) -> None:
    """Ids are taken when a row is written; it is seen with its commit and not before."""
    async with subject.hold(lambda: None) as held:
        async with subject.transaction() as late:
            await late.add(ItemNamed(item="late"))
            await subject.say("early")
            assert await keys(held) == ["early"]
        assert await keys(held) == ["late", "early"]


async def test_a_commit_and_the_end_wake_the_holder(subject: Subject) -> None:
    """So it polls rarely; a session that was ended from outside fails at the next call, which may pass."""
    woken: list[int] = []
    async with subject.hold(lambda: woken.append(1)) as held:
        assert await held.try_lock()
        await subject.say("a")
        await until(lambda: len(woken) == 1)
        await subject.end_sessions()
        await until(lambda: len(woken) == 2)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as raised:
            await held.forget([1])
        assert classify(raised.value) == "retry"
    async with subject.hold(lambda: None) as held:
        assert await held.try_lock()
        assert await keys(held) == ["a"]
