"""One suite for what took effect: the fakes that services test with behave like the table."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

import pytest
import pytest_asyncio

from chassis.inbox.deduplicate import Inbox, InboxMemory
from chassis.inbox.pruner import lifetime, prune
from chassis.messaging.retry import TryAgain
from chassis.testing.memory_inbox import MemoryInbox
from chassis.testing.memory_store import MemoryStore
from chassis.testing.memory_tables import StoredInbox
from kundenportal_contracts.topics import BILLING_DOCUMENTS, USERS
from tests.chassis.items import event
from tests.chassis.stand import Stand
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration

Begin = Callable[[], AbstractAsyncContextManager[InboxMemory]]


@pytest_asyncio.fixture
async def stand(postgres: PostgresServer) -> AsyncIterator[Stand]:
    async with Stand(postgres.create_database("inbox"), "nowhere:1") as stand:
        yield stand


@pytest.fixture(params=["memory", "store", "postgres"])
def begin(request: pytest.FixtureRequest) -> Begin:
    if request.param != "memory":
        transaction: Begin = request.getfixturevalue(f"{request.param}_transaction")
        return transaction
    fake = MemoryInbox()

    @asynccontextmanager
    async def remembered() -> AsyncIterator[InboxMemory]:
        yield MemoryInbox(fake.taken)

    return remembered


@pytest.fixture
def store_transaction() -> Begin:
    store = MemoryStore()

    @asynccontextmanager
    async def begin() -> AsyncIterator[InboxMemory]:
        async with store.transaction() as transaction:
            yield StoredInbox(transaction)

    return begin


@pytest.fixture
def postgres_transaction(stand: Stand) -> Begin:
    @asynccontextmanager
    async def begin() -> AsyncIterator[InboxMemory]:
        async with stand.database.service_transaction() as conn:
            yield Inbox(conn)

    return begin


@pytest.fixture(params=["store", "postgres"])
def transaction(request: pytest.FixtureRequest) -> Begin:
    """A real transaction, or one that behaves like it."""
    found: Begin = request.getfixturevalue(f"{request.param}_transaction")
    return found


async def test_an_event_is_new_until_it_was_taken(begin: Begin) -> None:
    """Asking changes nothing, taking does."""
    async with begin() as inbox:
        assert await inbox.seen([event("a")]) == ["new"]
        assert await inbox.seen([event("a")]) == ["new"]
        await inbox.take([event("a")])
    async with begin() as inbox:
        assert await inbox.seen([event("a"), event("b")]) == ["repeated", "new"]


async def test_repeats_within_a_batch_are_folded(begin: Begin) -> None:
    """The first of an id is new, the same again a repeat, another value under it reused; nothing depends on its length."""
    batch = [event("a"), event("b"), event("a"), event("a", text="other"), event("a")]
    async with begin() as inbox:
        assert await inbox.seen(batch) == ["new", "new", "repeated", "reused", "repeated"]
        await inbox.take(batch[:3])
    async with begin() as inbox:
        assert await inbox.seen(batch) == ["repeated", "repeated", "repeated", "reused", "repeated"]


async def test_an_id_with_another_value_is_reused(begin: Begin) -> None:
    """The hash of the value decides, not the id alone."""
    async with begin() as inbox:
        await inbox.take([event("a")])
    async with begin() as inbox:
        assert await inbox.seen([event("a", text="changed")]) == ["reused"]


async def test_what_is_known_is_told_without_folding(begin: Begin) -> None:
    """For judging one after the other: only what took effect is there, with its hash."""
    async with begin() as inbox:
        await inbox.take([event("a")])
    async with begin() as inbox:
        known = await inbox.known([event("a", text="changed"), event("b"), event("b")])
    assert known == {("tests/items", "a"): event("a").value_sha256}


async def test_taking_twice_changes_nothing(begin: Begin) -> None:
    """The first hash stays, whether it is taken again in the same transaction or in another one."""
    async with begin() as inbox:
        await inbox.take([event("a"), event("a", text="second")])
        await inbox.take([event("a")])
    async with begin() as inbox:
        await inbox.take([event("a", text="third")])
        assert await inbox.seen([event("a")]) == ["repeated"]


async def test_an_event_taken_by_somebody_else_meanwhile_is_tried_again(begin: Begin) -> None:
    """What was new when asked and is taken by another consumer before us must not take effect twice."""
    async with begin() as late:
        assert await late.seen([event("a")]) == ["new"]
        async with begin() as early:
            await early.take([event("a")])
        with pytest.raises(TryAgain):
            await late.take([event("a")])


async def test_nothing_asked_nothing_said(begin: Begin) -> None:
    """Empty batches need no statement."""
    async with begin() as inbox:
        assert await inbox.seen([]) == []
        await inbox.take([])


async def test_a_rolled_back_effect_is_not_remembered(transaction: Begin) -> None:
    """The memory is part of the transaction with the effect."""
    with contextlib.suppress(KeyError):
        async with transaction() as inbox:
            await inbox.take([event("a")])
            raise KeyError
    async with transaction() as inbox:
        assert await inbox.seen([event("a")]) == ["new"]


async def test_two_consumers_with_one_event_let_one_effect_happen(transaction: Begin) -> None:
    """The second waits for the first's commit and is told to try again; crossed batches do not deadlock."""

    async def consume(names: str) -> bool:
        async with transaction() as inbox:
            await inbox.seen([event(name) for name in names])
            await asyncio.sleep(0.1)
            await inbox.take([event(name) for name in names])
        return True

    outcomes = await asyncio.gather(consume("abc"), consume("cba"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["TryAgain", "bool"]


async def test_only_old_rows_are_pruned(stand: Stand) -> None:
    """Rows live twice as long as the bus may bring their event again; pruning goes by small transactions."""
    async with stand.database.service_transaction() as conn:
        await Inbox(conn).take([event(str(number)) for number in range(30)])
        await conn.exec_driver_sql("UPDATE inbox SET taken_at = now() - interval '29 days' WHERE event_id < '2'")
        await conn.exec_driver_sql("UPDATE inbox SET taken_at = now() - interval '27 days' WHERE event_id LIKE '2%'")
    assert lifetime([BILLING_DOCUMENTS, USERS]) == timedelta(days=28)
    assert await prune(stand.database, [BILLING_DOCUMENTS, USERS], rows=5) == 12
    async with stand.database.service_transaction() as conn:
        assert (await conn.exec_driver_sql("SELECT count(*) FROM inbox")).scalar_one() == 18
