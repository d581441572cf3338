"""What every test of identity may ask for: a clock that stands still, and a database of its own."""

from collections.abc import AsyncIterator

import pytest

from chassis.database import Database
from chassis.testing.frozen_clock import FrozenClock
from identity.adapters.tables import metadata
from tests.fixtures.migrated import emptied, migrated_database
from tests.fixtures.postgres import PostgresServer
from tests.identity.making import NOW

TABLES = (*metadata.tables, "inbox", "outbox")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture(scope="session")
def migrated_url(postgres: PostgresServer) -> str:
    return migrated_database(postgres, "identity")


@pytest.fixture
async def database_url(migrated_url: str) -> str:
    return await emptied(migrated_url, TABLES)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, application_name="identity-test")
    yield database
    await database.close()
