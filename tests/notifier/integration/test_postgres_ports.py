"""The PostgreSQL adapters keep the contract that the in-memory ports keep, as the service's own role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.clock import SystemClock
from chassis.database import Database
from notifier.adapters.postgres_backlog import PostgresBacklog
from notifier.domain import Backlog, State
from notifier.ports import Ticket
from notifier.wiring import NotifierWork
from tests.notifier.ports_contract import (
    AddressBookContract,
    DeliveriesContract,
    DocumentsContract,
    HistoryContract,
    claim,
    queued,
)
from tests.notifier.samples import delivery

pytestmark = pytest.mark.integration


class PostgresStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self.database.service_transaction() as conn:
            yield NotifierWork(conn, SystemClock())

    async def pass_time(self, by: timedelta) -> None:
        """The rows grow older by that much."""
        columns = ", ".join(f"{name} = {name} - $1::interval" for name in ("due_at", "lease_until", "expires_at"))
        async with self.database.service_transaction() as conn:
            await conn.exec_driver_sql(f"UPDATE delivery SET {columns}", (by,))  # noqa: S608 -- our own columns

    async def state_of(self, ticket: Ticket) -> State:
        return State(await self._scalar("SELECT state FROM delivery WHERE id = $1", ticket))

    async def secret_of(self, ticket: Ticket) -> str | None:
        secret: str | None = await self._scalar("SELECT secret FROM delivery WHERE id = $1", ticket)
        return secret

    async def _scalar(self, statement: str, ticket: Ticket) -> Any:
        async with self.database.service_transaction() as conn:
            return (await conn.exec_driver_sql(statement, (ticket.delivery_id,))).scalar_one()

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def store(database: Database) -> PostgresStore:
    return PostgresStore(database)


class TestAddressBook(AddressBookContract): ...


class TestDocuments(DocumentsContract): ...


class TestDeliveries(DeliveriesContract): ...


class TestHistory(HistoryContract): ...


async def test_the_backlog_is_what_will_be_tried(store: PostgresStore) -> None:
    """By state, with the age of the oldest that is due; what somebody holds does not wait."""
    backlog = PostgresBacklog(store.database)
    assert await backlog.count() == Backlog({}, 0.0)
    await queued(store, *(delivery(address=f"{number}@hof.example") for number in range(3)))
    await claim(store, 1)
    await store.pass_time(timedelta(minutes=5))
    found = await backlog.count()
    assert found.waiting == {State.QUEUED: 2}
    assert 300 <= found.oldest_due_seconds < 310
