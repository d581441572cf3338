"""Transactions of the chassis on a real PostgreSQL: who sees which rows, and what happens when it does not answer."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from chassis.database import Database, DatabaseUnavailable
from chassis.health import Health
from chassis.migrations import enable_row_level_security
from chassis.problems import create_app
from chassis.testing.principals import make_principal
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration

OURS, THEIRS = make_principal("4711"), make_principal("4712")
LINES = text("SELECT line FROM note ORDER BY line")


class Statements:
    """Stands for Alembic's op: keeps the statements for a connection of the test."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def execute(self, sqltext: str) -> None:
        self.texts.append(sqltext)


@pytest.fixture
def dsn(postgres: PostgresServer) -> str:
    return postgres.create_database("chassis")


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    database = Database(dsn, pool_size=2, application_name="chassis", statement_timeout=timedelta(seconds=1))
    statements = Statements()
    enable_row_level_security(statements, "note")
    async with database.service_transaction() as connection:
        await connection.execute(text("CREATE TABLE note (customer_number text, line text)"))
        for statement in statements.texts:
            await connection.execute(text(statement))
        await connection.execute(text("INSERT INTO note VALUES ('4711', 'ours'), ('4712', 'theirs')"))
    yield database
    await database.close()


async def test_a_tenant_sees_its_own_rows(database: Database) -> None:
    """A tenant transaction shows one customer's rows, a service transaction everybody's."""
    async with database.tenant_transaction(OURS) as connection:
        assert (await connection.scalars(LINES)).all() == ["ours"]
    async with database.tenant_transaction(THEIRS) as connection:
        assert (await connection.scalars(LINES)).all() == ["theirs"]
    async with database.service_transaction() as connection:
        assert (await connection.scalars(LINES)).all() == ["ours", "theirs"]


async def test_a_pooled_connection_carries_nothing_over(dsn: str, database: Database) -> None:
    """After either kind of transaction the same connection sees no row until it says again who asks."""
    alone = Database(dsn, pool_size=1, application_name="alone")
    async with alone.service_transaction() as connection:
        await connection.execute(LINES)
    async with alone.tenant_transaction(OURS) as connection:
        scope = await connection.scalar(text("SELECT current_setting('app.scope', true)"))
        assert scope == ""
        assert (await connection.scalars(LINES)).all() == ["ours"]
    await alone.close()


async def test_raw_sql_without_a_tenant_sees_nothing(dsn: str, database: Database) -> None:
    """The service's own role, outside of the chassis, reads no row and changes none."""
    raw = await asyncpg.connect(dsn)
    try:
        assert await raw.fetch("SELECT * FROM note") == []
        assert await raw.execute("DELETE FROM note") == "DELETE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await raw.execute("INSERT INTO note VALUES ('4711', 'forged')")
    finally:
        await raw.close()


async def test_a_tenant_cannot_write_for_another(database: Database) -> None:
    """Inserting another customer's row is refused, and so is moving one's own row there."""
    for statement in ("INSERT INTO note VALUES ('4712', 'x')", "UPDATE note SET customer_number = '4712'"):
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with database.tenant_transaction(OURS) as connection:
                await connection.execute(text(statement))


async def test_a_tenant_needs_a_customer(database: Database) -> None:
    """A principal without a customer opens nothing, least of all a service transaction."""
    with pytest.raises(ValueError, match="needs a customer"):
        async with database.tenant_transaction(make_principal("")):
            pytest.fail("must not be reached")


async def test_an_exception_rolls_back(database: Database) -> None:
    """What was written before an exception is gone, and the exception arrives unchanged."""

    async def delete_and_fail() -> None:
        async with database.service_transaction() as connection:
            await connection.execute(text("DELETE FROM note"))
            raise LookupError("own")

    with pytest.raises(LookupError, match="own"):
        await delete_and_fail()
    async with database.service_transaction() as connection:
        assert len((await connection.scalars(LINES)).all()) == 2


async def test_array_statements_stay_in_the_transaction(database: Database) -> None:
    """exec_driver_sql as the very first statement rolls back like everything else."""

    async def insert_and_fail() -> None:
        async with database.service_transaction() as connection:
            insert = "INSERT INTO note SELECT '4711', line FROM unnest($1::text[]) line"
            await connection.exec_driver_sql(insert, (["a", "b"],))
            raise LookupError

    with pytest.raises(LookupError):
        await insert_and_fail()
    async with database.service_transaction() as connection:
        assert (await connection.scalars(LINES)).all() == ["ours", "theirs"]


async def test_an_exhausted_pool_answers_503_quickly(dsn: str, database: Database) -> None:
    """While others hold every connection a request gets a 503 with Retry-After, and soon."""
    busy = Database(dsn, pool_size=1, application_name="busy", pool_timeout=timedelta(milliseconds=200))
    app = create_app("busy", Health())

    @app.get("/notes")
    async def notes() -> None:
        async with busy.service_transaction():
            pytest.fail("must not be reached")

    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://busy")
    async with client, busy.service_transaction():
        started = time.monotonic()
        answer = await client.get("/notes")
    await busy.close()
    assert time.monotonic() - started < 1
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["type"] == "/problems/temporarily-unavailable"


async def test_a_statement_over_its_time_is_passing_trouble(database: Database) -> None:
    """The server gives up a statement that takes too long; the connection serves the next one."""
    with pytest.raises(DatabaseUnavailable) as caught:
        async with database.service_transaction() as connection:
            await connection.execute(text("SELECT pg_sleep(30)"))
    assert isinstance(caught.value.__cause__, DBAPIError)
    await database.ping()


async def test_nobody_waits_for_ever_for_a_persons_transaction(dsn: str) -> None:
    """However long its statement would take, a person is told in time to come again, and the connection is free."""
    hurried = Database(dsn, pool_size=1, application_name="hurried", tenant_timeout=timedelta(seconds=0.3))
    try:
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            async with hurried.tenant_transaction(OURS) as connection:
                await connection.execute(text("SELECT pg_sleep(30)"))
        assert time.monotonic() - began < 2
        async with hurried.service_transaction() as connection:
            await connection.execute(text("SELECT pg_sleep(0.5)"))
    finally:
        await hurried.close()


async def test_rows_are_found_by_index_even_while_there_are_few(database: Database) -> None:
    """The plan that is made for an empty table is kept; so it has to be one that a large table can bear."""
    async with database.service_transaction() as connection:
        await connection.execute(text("CREATE TEMPORARY TABLE small (id bigint PRIMARY KEY, word text)"))
        update = "UPDATE small SET word = 'x' FROM unnest(ARRAY[1, 2]::bigint[]) AS mine (id) WHERE small.id = mine.id"
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {update}"))).scalars())
    assert "Index Scan" in plan
    assert "Seq Scan" not in plan


async def test_terminated_sessions_are_replaced_unnoticed(postgres: PostgresServer, database: Database) -> None:
    """After the server ended all sessions the next transaction simply works."""
    await asyncio.gather(database.ping(), database.ping())
    superuser = await asyncpg.connect(postgres.superuser_dsn)
    await superuser.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'chassis'"
    )
    await superuser.close()
    for _ in range(3):
        async with database.tenant_transaction(OURS) as connection:
            assert (await connection.scalars(LINES)).all() == ["ours"]


async def test_a_changed_column_does_not_stick_to_prepared_statements(database: Database) -> None:
    """A migration that changes a column's type costs one transaction at most; the ones after it see the new type."""
    async with database.service_transaction() as connection:
        await connection.execute(text("SELECT line FROM note"))
    async with database.service_transaction() as connection:
        await connection.execute(text("ALTER TABLE note ALTER line TYPE bytea USING line::bytea"))
    lines: list[object] = []
    for _ in range(2):
        try:
            async with database.tenant_transaction(OURS) as connection:
                lines = list((await connection.scalars(text("SELECT line FROM note"))).all())
        except DatabaseUnavailable:
            continue
    assert lines == [b"ours"]


async def test_ping_has_a_limit_of_its_own() -> None:
    """A database that accepts connections and then says nothing fails the ping in the given time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d", application_name="chassis")
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match=r"no answer within 0\.2 s"):
            await database.ping(timedelta(milliseconds=200))
        assert time.monotonic() - started < 2
        await database.close()


async def test_too_many_connections_are_unavailable(postgres: PostgresServer, dsn: str, database: Database) -> None:
    """A server that takes no further connection is passing trouble, named as the driver names it."""
    superuser = await asyncpg.connect(postgres.superuser_dsn)
    await superuser.execute(f'ALTER ROLE "{dsn.rsplit("/", maxsplit=1)[-1]}" CONNECTION LIMIT 1')
    await superuser.close()
    async with database.service_transaction():
        with pytest.raises(DatabaseUnavailable, match="TooManyConnectionsError"):
            await database.ping()


async def test_nobody_there_is_unavailable() -> None:
    """A refused connection is passing trouble, told without the password."""
    database = Database("postgresql://user:geheim@127.0.0.1:1/d", application_name="chassis")
    with pytest.raises(DatabaseUnavailable) as caught:
        await database.ping()
    assert "geheim" not in f"{caught.value} {caught.value.__cause__}"
    await database.close()
