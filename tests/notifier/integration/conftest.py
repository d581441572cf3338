"""A migrated database for the notifier, emptied for each test."""

from collections.abc import AsyncIterator

import pytest

from chassis.database import Database
from tests.fixtures.migrated import emptied, migrated_database
from tests.fixtures.postgres import PostgresServer

TABLES = ("customer", "recipient", "notification_settings", "published_document", "delivery", "inbox", "outbox")


@pytest.fixture(scope="session")
def notifier_url(postgres: PostgresServer) -> str:
    return migrated_database(postgres, "notifier")


@pytest.fixture
async def database(notifier_url: str) -> AsyncIterator[Database]:
    database = Database(await emptied(notifier_url, TABLES), pool_size=4, application_name="notifier-test")
    yield database
    await database.close()
