"""A migrated database for the notifier, emptied for each test."""

from collections.abc import AsyncIterator

import pytest

from chassis.database import Database
from chassis.migrations import upgrade
from tests.fixtures.postgres import PostgresServer

TABLES = ("customer", "recipient", "notification_settings", "published_document", "delivery", "inbox", "outbox")


@pytest.fixture(scope="session")
def notifier_url(postgres: PostgresServer) -> str:
    url = postgres.create_database("notifier")
    upgrade(url, "notifier.migrations")
    return url


@pytest.fixture
async def database(notifier_url: str) -> AsyncIterator[Database]:
    database = Database(notifier_url, pool_size=4, application_name="notifier-test")
    async with database.service_transaction() as conn:
        for table in TABLES:
            await conn.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 -- our own tables
    yield database
    await database.close()
