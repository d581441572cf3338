"""What every test of documents may ask for: a clock that stands still, a database and an inspector of its own."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest
import structlog

from chassis.clock import Clock
from chassis.database import Database
from chassis.migrations import upgrade
from chassis.testing.frozen_clock import FrozenClock
from documents.adapters.postgres_work import PostgresWork, postgres_work
from documents.adapters.tables import metadata
from tests.documents.making import NOW
from tests.fixtures.postgres import PostgresServer

TABLES = (*metadata.tables, "inbox", "outbox")


@dataclass(frozen=True)
class PostgresTransactions:
    database: Database
    clock: Clock

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PostgresWork]:
        async with self.database.service_transaction() as conn:
            yield postgres_work(conn, self.clock)


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    """Drawing a traceback with all its variables takes seconds."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture(scope="session")
def migrated_url(postgres: PostgresServer) -> str:
    """A database owned by the service's role, brought up to date once."""
    url = postgres.create_database("documents")
    with ThreadPoolExecutor(1) as thread:  # an event loop of its own, as pytest's may be running
        thread.submit(upgrade, url, "documents.migrations").result()
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
    database = Database(database_url, application_name="documents-test")
    yield database
    await database.close()


@pytest.fixture
def postgres_transactions(database: Database, clock: FrozenClock) -> PostgresTransactions:
    return PostgresTransactions(database, clock)
