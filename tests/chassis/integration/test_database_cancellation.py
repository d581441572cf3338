"""A cancelled request never costs a connection: the pool is as full afterwards as it was before."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.testing.principals import make_principal
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration

POOL_SIZE = 4
SESSIONS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
PRINCIPAL = make_principal("4711")


@pytest.fixture
async def database(postgres: PostgresServer) -> AsyncIterator[Database]:
    database = Database(postgres.create_database("cancelled"), pool_size=POOL_SIZE, application_name="cancelled")
    async with database.service_transaction() as connection:
        await connection.execute(text("CREATE TABLE note (line bigint GENERATED ALWAYS AS IDENTITY, half int)"))
    yield database
    await database.close()


async def write_two_halves(database: Database, pause: float) -> None:
    async with database.tenant_transaction(PRINCIPAL) as connection:
        await connection.execute(text("INSERT INTO note (half) VALUES (1)"))
        await connection.execute(text("SELECT pg_sleep(:pause)"), {"pause": pause})
        await connection.execute(text("INSERT INTO note (half) VALUES (2)"))


async def all_connections_are_free(database: Database) -> bool:
    """Takes every connection at once, which only works while none is lost; soon the server has no further sessions."""
    everybody_has_one = asyncio.Barrier(POOL_SIZE)

    async def take_one() -> None:
        async with database.service_transaction() as connection:
            await everybody_has_one.wait()
            while await connection.scalar(SESSIONS) != POOL_SIZE:
                await connection.execute(text("SELECT pg_stat_clear_snapshot()"))
                await asyncio.sleep(0.1)
            await everybody_has_one.wait()

    async with asyncio.timeout(10):
        await asyncio.gather(*(take_one() for _ in range(POOL_SIZE)))
    return True


async def counted(database: Database) -> tuple[int, int]:
    async with database.service_transaction() as connection:
        counts = await connection.execute(
            text("SELECT count(*) FILTER (WHERE half = 1), count(*) FILTER (WHERE half = 2) FROM note")
        )
        first, second = counts.one()
    return first, second


async def test_hundreds_of_cancellations_lose_no_connection(database: Database) -> None:
    """Requests cancelled at random moments leave all connections usable and no half-done change."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown where the test fails, to run it again
    chance = random.Random(seed)
    for _ in range(60):
        tasks = [asyncio.create_task(write_two_halves(database, chance.uniform(0, 0.004))) for _ in range(10)]
        for task in tasks:
            await asyncio.sleep(chance.uniform(0, 0.003))
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert await all_connections_are_free(database)
    first, second = await counted(database)
    assert first == second


async def test_cancellation_at_every_step_loses_no_connection(database: Database) -> None:
    """Wherever between two turns of the event loop the cancellation falls, the connection comes back."""
    for steps in [*range(60), *range(60, 600, 30)]:
        for _ in range(POOL_SIZE + 1):
            task = asyncio.create_task(write_two_halves(database, 0))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert await all_connections_are_free(database)
    first, second = await counted(database)
    assert first == second


async def test_cancelling_twice_loses_no_connection(database: Database) -> None:
    """A second cancellation, while the first is still cleaning up, does not interrupt the cleaning."""
    for _ in range(POOL_SIZE * 5):
        task = asyncio.create_task(write_two_halves(database, 30))
        await asyncio.sleep(0.01)
        for _ in range(5):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await all_connections_are_free(database)
    assert await counted(database) == (0, 0)
