"""The shelf in PostgreSQL keeps the contract."""

import pytest

from chassis.database import Database
from chassis.testing.frozen_clock import FrozenClock
from documents.adapters.postgres_shelf import PostgresShelf
from documents.adapters.signed_cursors import SignedCursors
from tests.documents.conftest import PostgresTransactions
from tests.documents.shelf_contract import ShelfContract, ShelfListContract

pytestmark = pytest.mark.integration


@pytest.fixture
def transactions(postgres_transactions: PostgresTransactions) -> PostgresTransactions:
    return postgres_transactions


@pytest.fixture
def shelf(database: Database, clock: FrozenClock) -> PostgresShelf:
    return PostgresShelf(database, cursors=SignedCursors("secret"), clock=clock)


class TestPostgresShelf(ShelfContract):
    pass


class TestPostgresShelfList(ShelfListContract):
    pass
