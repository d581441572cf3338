"""The in-memory ports keep the contract that PostgreSQL keeps."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

import pytest

from chassis.testing.frozen_clock import FrozenClock
from notifier.domain import State
from notifier.ports import Ticket
from tests.notifier.fakes import MemoryDatabase, MemoryWork
from tests.notifier.ports_contract import AddressBookContract, DeliveriesContract, DocumentsContract, HistoryContract


class MemoryStore:
    def __init__(self) -> None:
        self.database = MemoryDatabase(FrozenClock())
        self.begin: Callable[[], AbstractAsyncContextManager[MemoryWork]] = self.database.begin

    async def pass_time(self, by: timedelta) -> None:
        self.database.clock.jump(by)

    async def state_of(self, ticket: Ticket) -> State:
        return self.database.rows.deliveries[ticket.delivery_id].state

    async def secret_of(self, ticket: Ticket) -> str | None:
        credential = self.database.rows.deliveries[ticket.delivery_id].new.credential
        return credential.secret if credential else None

    def now(self) -> datetime:
        return self.database.clock.now()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


class TestAddressBook(AddressBookContract): ...


class TestDocuments(DocumentsContract): ...


class TestDeliveries(DeliveriesContract): ...


class TestHistory(HistoryContract): ...
