"""What every test of documents may ask for: a clock that stands still, a database and an inspector of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import structlog

from chassis.clock import Clock
from chassis.database import Database
from chassis.inbox.deduplicate import Identity
from chassis.messaging.subscriptions import Event
from chassis.testing.frozen_clock import FrozenClock
from documents.adapters.postgres_work import PostgresEffectsBefore, PostgresWork, postgres_work
from documents.adapters.tables import metadata
from tests.documents.making import NOW
from tests.fixtures.migrated import emptied, migrated_database
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

    async def known(self, events: Sequence[Event]) -> dict[Identity, bytes]:
        return await PostgresEffectsBefore(self.database).known(events)


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    """Drawing a traceback with all its variables takes seconds."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture(scope="session")
def migrated_url(postgres: PostgresServer) -> str:
    return migrated_database(postgres, "documents")


@pytest.fixture
async def database_url(migrated_url: str) -> str:
    return await emptied(migrated_url, TABLES)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, application_name="documents-test")
    yield database
    await database.close()


@pytest.fixture
def postgres_transactions(database: Database, clock: FrozenClock) -> PostgresTransactions:
    return PostgresTransactions(database, clock)
