"""The database in memory, in virtual time: what is committed stays, nothing else does, whoever dies or fails."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from chassis.database import IDLE_TIMEOUT, LOCK_TIMEOUT, DatabaseUnavailable
from chassis.messaging.retry import classify
from chassis.testing.memory_store import MemoryStore
from chassis.testing.simulation.loop import simulate
from chassis.testing.simulation.process import Process

Scenario = Callable[[MemoryStore], Coroutine[Any, Any, None]]


def play(scenario: Scenario) -> MemoryStore:
    store = MemoryStore()
    simulate(scenario(store))
    return store


async def put(store: MemoryStore, value: int, *, hold: float = 0.0) -> None:
    async with store.transaction() as transaction:
        await transaction.put("t", "k", value)
        await asyncio.sleep(hold)


def test_what_raises_leaves_nothing() -> None:
    """A rollback unsays every write; a number that it took is not given again."""

    async def scenario(store: MemoryStore) -> None:
        with contextlib.suppress(KeyError):
            async with store.transaction() as transaction:
                assert await transaction.append("log", ["a"]) == [1]
                raise KeyError
        async with store.transaction() as transaction:
            assert await transaction.append("log", ["b"]) == [2]

    assert play(scenario).tables["log"] == {2: "b"}


def test_a_process_that_dies_commits_nothing() -> None:
    """Its row is free for the next one at once."""

    async def scenario(store: MemoryStore) -> None:
        victim = Process(asyncio.get_running_loop(), "victim", lambda: put(store, 1, hold=60))  # type: ignore[arg-type]
        await asyncio.sleep(1)
        victim.kill()
        await put(store, 2)
        assert asyncio.get_running_loop().time() == 1
        await asyncio.sleep(100)

    assert play(scenario).tables["t"] == {"k": 2}


def test_a_sleeper_in_a_transaction_loses_it() -> None:
    """After as long as `Database` asks for the server ends its session; what it does when it wakes fails."""
    idle = IDLE_TIMEOUT.total_seconds()

    async def scenario(store: MemoryStore) -> None:
        sleeper = asyncio.ensure_future(put(store, 1, hold=idle + 1))
        await asyncio.sleep(idle - LOCK_TIMEOUT.total_seconds() + 1)
        await put(store, 2)
        assert asyncio.get_running_loop().time() == idle
        with pytest.raises(DatabaseUnavailable):
            await sleeper

    assert play(scenario).tables["t"] == {"k": 2}


def test_a_writer_waits_for_a_writer() -> None:
    """Until the other one's end, five seconds at most."""

    async def scenario(store: MemoryStore) -> None:
        first = asyncio.ensure_future(put(store, 1, hold=3))
        await asyncio.sleep(1)
        await put(store, 2)
        assert asyncio.get_running_loop().time() == 3
        await first
        first = asyncio.ensure_future(put(store, 3, hold=8))
        await asyncio.sleep(1)
        with pytest.raises(DatabaseUnavailable):
            await put(store, 4)
        await first

    assert play(scenario).tables["t"] == {"k": 3}


def test_a_commit_may_be_lost_either_way() -> None:
    """Before it nothing happened, after it everything; who made it cannot tell the two apart, and tries again."""

    async def scenario(store: MemoryStore) -> None:
        store.lose_before_commit = 1
        with pytest.raises(DatabaseUnavailable) as before:
            await put(store, 1)
        assert store.tables["t"] == {}
        store.lose_after_commit = 1
        with pytest.raises(DatabaseUnavailable) as after:
            await put(store, 2)
        assert store.tables["t"] == {"k": 2}
        assert classify(before.value) == classify(after.value) == "retry"

    play(scenario)


def test_a_database_that_is_away_ends_its_sessions() -> None:
    """Nobody begins, nobody goes on; afterwards all begin anew."""

    async def scenario(store: MemoryStore) -> None:
        writer = asyncio.ensure_future(put(store, 1, hold=2))
        await asyncio.sleep(1)
        store.away = True
        with pytest.raises(DatabaseUnavailable):
            await put(store, 2)
        with pytest.raises(DatabaseUnavailable):
            await writer
        store.away = False
        await put(store, 3)

    assert play(scenario).tables["t"] == {"k": 3}
