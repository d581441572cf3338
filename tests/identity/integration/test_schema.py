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
from identity.adapters import tables
from identity.adapters.postgres_work import PostgresTransactions
from identity.domain import Customer
from identity.ports import NewUser
from tests.identity.making import NOW, user

pytestmark = pytest.mark.integration

CUSTOMERS_TABLES = ["customer", "user_account", "credential", "session", "privacy_acceptance"]


@pytest.fixture
async def role(database: Database, database_url: str, clock: FrozenClock) -> AsyncIterator["asyncpg.Connection"]:
    """A bare connection of the service's role to a database with two customers, one user, session and acceptance each."""
    async with PostgresTransactions(database, clock).service() as work:
        for number, name in (("4711", "s8u8i1"), ("4712", "w1x2y3")):
            one = user(customer_number=number, username=name)
            await work.customers.add([Customer(number, "Hof", "de")])
            await work.users.add([NewUser(one, "hash", NOW)])
            await work.sessions.add(
                session_id=one.user_id, token_sha256=number.encode() * 8, user=one, now=NOW, expires_at=NOW
            )
            await work.acceptances.add(one, "1", NOW)
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_the_tables_are_those_the_code_knows(database: Database) -> None:
    """Comparing the migrated database with tables.py finds nothing, except what the chassis owns."""

    def differences(connection: Connection) -> list[object]:
        found = compare_metadata(MigrationContext.configure(connection), tables.metadata)
        return [one for one in found if not (one[0].startswith("remove") and one[1].name in WITHOUT_POLICY)]

    async with database.service_transaction() as connection:
        assert [one for one in await connection.run_sync(differences) if "inbox" not in str(one)] == []


async def test_every_table_of_a_customer_has_the_policy(database: Database) -> None:
    """Those without one are on the list, with their reasons."""
    async with database.service_transaction() as connection:
        assert await tables_without_policy(connection, {**WITHOUT_POLICY, **tables.WITHOUT_POLICY}) == {}


@pytest.mark.parametrize("table", CUSTOMERS_TABLES)
async def test_without_a_tenant_the_role_sees_nothing(role: "asyncpg.Connection", table: str) -> None:
    """Raw SQL as the service's role gives no row, unless the transaction says whose."""
    assert await role.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - names from the list above
    async with role.transaction():
        await role.execute("SELECT set_config('app.customer', '4711', true)")
        rows = await role.fetch(f"SELECT customer_number FROM {table}")  # noqa: S608 - names from the list above
        assert [row["customer_number"] for row in rows] == ["4711"]
    assert await role.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - names from the list above


async def test_a_tenant_can_write_nothing_of_anothers(role: "asyncpg.Connection") -> None:
    """A row for another customer is refused, and another customer's rows cannot be changed."""
    async with role.transaction():
        await role.execute("SELECT set_config('app.customer', '4711', true)")
        assert await role.execute("UPDATE user_account SET email = '' WHERE customer_number = '4712'") == "UPDATE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute("INSERT INTO customer VALUES ('4713', 'Hof', 'de')")


async def test_the_role_is_no_superuser_and_bypasses_nothing(role: "asyncpg.Connection") -> None:
    """The role under test is the one of production."""
    rights = await role.fetchrow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert rights
    assert tuple(rights) == (False, False)
