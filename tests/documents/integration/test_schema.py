"""The tables as the migrations make them, seen with the eyes of the service's own role."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from chassis.database import Database
from chassis.migrations import WITHOUT_POLICY, tables_without_policy
from chassis.testing.frozen_clock import FrozenClock
from documents.adapters.postgres_shelf import PostgresShelf
from documents.adapters.signed_cursors import SignedCursors
from documents.adapters.tables import metadata
from documents.domain import Reason
from documents.use_cases.judge_events import Refused
from documents.use_cases.quarantine_records import quarantine
from tests.documents.conftest import PostgresTransactions
from tests.documents.making import event, reader
from tests.documents.shelf_contract import file

pytestmark = pytest.mark.integration

CUSTOMERS_TABLES = ["document", "document_version", "download", "quarantine"]


@pytest.fixture
async def role(
    database: Database, database_url: str, postgres_transactions: PostgresTransactions, clock: FrozenClock
) -> AsyncIterator["asyncpg.Connection"]:
    """A bare connection of the service's role to a database with one row of each of two customers in every table."""
    shelf = PostgresShelf(database, cursors=SignedCursors("secret"), clock=clock)
    for customer in ("4711", "4712"):
        id_ = await file(postgres_transactions, customer=customer)
        await shelf.open_version(reader(customer), id_, None, record=True)
        async with postgres_transactions.begin() as work:
            refused = Refused(event(b"{").record, None, Reason.MALFORMED_EVENT, "no JSON", customer)
            await quarantine([refused], work, clock)
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_the_tables_are_those_the_code_knows(database: Database) -> None:
    """Comparing the migrated database with tables.py finds nothing, except comments and what the chassis owns."""

    def differences(connection: Connection) -> list[object]:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
        told = [one for one in found if one[0] != "remove_table_comment"]
        return [one for one in told if not (one[0].startswith("remove") and one[1].name in WITHOUT_POLICY)]

    async with database.service_transaction() as connection:
        assert [one for one in await connection.run_sync(differences) if "inbox" not in str(one)] == []


async def test_every_table_of_a_customer_has_the_policy(database: Database) -> None:
    """Only what the chassis allows has none."""
    async with database.service_transaction() as connection:
        assert await tables_without_policy(connection) == {}


@pytest.mark.parametrize("table", CUSTOMERS_TABLES)
async def test_without_a_tenant_the_role_sees_nothing(role: "asyncpg.Connection", table: str) -> None:
    """Raw SQL that names no customer finds no row."""
    assert await role.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - a name of this file


@pytest.mark.parametrize("table", CUSTOMERS_TABLES)
async def test_a_tenant_sees_only_its_own(role: "asyncpg.Connection", table: str) -> None:
    """Raw SQL of one customer finds that customer's row and not the other's, whatever it asks for."""
    async with role.transaction():
        await role.execute("SELECT set_config('app.customer', '4711', true)")
        found = await role.fetch(f"SELECT customer_number FROM {table}")  # noqa: S608 - a name of this file
        foreign = await role.fetch(f"SELECT FROM {table} WHERE customer_number = '4712'")
    assert [row["customer_number"] for row in found] == ["4711"]
    assert foreign == []


@pytest.mark.parametrize("table", CUSTOMERS_TABLES)
async def test_a_tenant_cannot_touch_anothers(role: "asyncpg.Connection", table: str) -> None:
    """Updating and deleting reach no foreign row, and none can be given away."""
    async with role.transaction():
        await role.execute("SELECT set_config('app.customer', '4711', true)")
        where = "WHERE customer_number = '4712'"
        assert await role.execute(f"UPDATE {table} SET customer_number = '4711' {where}") == "UPDATE 0"  # noqa: S608
        assert await role.execute(f"DELETE FROM {table} {where}") == "DELETE 0"  # noqa: S608 - a name of this file
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await give_away(role, table)


async def give_away(role: "asyncpg.Connection", table: str) -> None:
    async with role.transaction():
        await role.execute("SELECT set_config('app.customer', '4711', true)")
        await role.execute(f"UPDATE {table} SET customer_number = '4712'")  # noqa: S608 - a name of this file


async def test_the_role_cannot_step_over_the_wall(role: "asyncpg.Connection") -> None:
    """The service's role is neither superuser nor exempt from policies."""
    row = await role.fetchrow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert row is not None
    assert (row["rolsuper"], row["rolbypassrls"]) == (False, False)
