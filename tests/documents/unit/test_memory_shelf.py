"""The shelf in memory keeps the contract."""

import pytest

from chassis.testing.frozen_clock import FrozenClock
from tests.documents.memory import MemoryTransactions
from tests.documents.memory_shelf import MemoryShelf
from tests.documents.shelf_contract import ShelfContract, ShelfListContract


@pytest.fixture
def transactions(clock: FrozenClock) -> MemoryTransactions:
    return MemoryTransactions(clock)


@pytest.fixture
def shelf(transactions: MemoryTransactions, clock: FrozenClock) -> MemoryShelf:
    return MemoryShelf(transactions, clock)


class TestMemoryShelf(ShelfContract):
    pass


class TestMemoryShelfList(ShelfListContract):
    pass
