"""What every test of identity may ask for: a clock that stands still, and a database of its own."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from chassis.database import Database
from chassis.migrations import upgrade
from chassis.testing.frozen_clock import FrozenClock
from identity.adapters.tables import metadata
from tests.fixtures.postgres import PostgresServer
from tests.identity.making import NOW

TABLES = (*metadata.tables, "inbox", "outbox")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture(scope="session")
def migrated_url(postgres: PostgresServer) -> str:
    """A database owned by the service's role, brought up to date once."""
    url = postgres.create_database("identity")
    with ThreadPoolExecutor(1) as thread:  # an event loop of its own, as pytest's may be running
        thread.submit(upgrade, url, "identity.migrations").result()
    return url


@pytest.fixture
async def database_url(migrated_url: str) -> str:
    """The same database, emptied."""
    connection = await asyncpg.connect(migrated_url)
    try:
        await connection.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
    finally:
        await connection.close()
    return migrated_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, application_name="identity-test")
    yield database
    await database.close()
