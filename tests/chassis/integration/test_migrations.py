"""Migrations on a real PostgreSQL: in one transaction, one migrator at a time, and no table without its policy."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.database import Database
from chassis.migrations import WITHOUT_POLICY, current_revision, newest_revision, tables_without_policy, upgrade
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration

ENV = """
from chassis.migrations import run_env
from sqlalchemy import MetaData
run_env(MetaData())
"""
FIRST = """
from alembic import op
from chassis.migrations import enable_row_level_security
revision, down_revision = "first", None
def upgrade():
    op.execute("CREATE TABLE note (customer_number varchar(32), line text)")
    enable_row_level_security(op, "note")
    op.execute("INSERT INTO note VALUES ('4711', 'old'), ('4712', 'old')")
    op.execute("SELECT pg_sleep(0.5)")
"""
SECOND = """
from alembic import op
revision, down_revision = "second", "first"
def upgrade():
    op.execute("UPDATE note SET line = 'new'")
"""
BROKEN = """
from alembic import op
revision, down_revision = "broken", "second"
def upgrade():
    op.execute("CREATE TABLE half_done (line text)")
    op.execute("CREATE TABLE note (line text)")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A service's package of migrations, with file names like theirs."""
    name = f"migrations_{uuid4().hex}"
    versions = tmp_path / name / "versions"
    versions.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "env.py").write_text(ENV)
    (versions / "2026-12-01_0900_first_tables.py").write_text(FIRST)
    (versions / "2026-12-02_0900_new_lines.py").write_text(SECOND)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


@pytest.fixture
def dsn(postgres: PostgresServer) -> str:
    return postgres.create_database("migrated")


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    database = Database(dsn, application_name="migrated")
    yield database
    await database.close()


async def migrator(tmp_path: Path, dsn: str, package: str) -> int:
    code = "import sys; from chassis.migrations import upgrade; upgrade(*sys.argv[1:])"
    arguments = ("-W", "error", "-c", code, dsn, package)
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, env={"PYTHONPATH": str(tmp_path)})
    return await process.wait()


async def test_upgrade_reaches_the_newest_revision(dsn: str, package: str, database: Database) -> None:
    """Dated files run in the order of their revisions, data migrations see every row, and a second run does nothing."""
    await asyncio.to_thread(upgrade, dsn, package)
    await asyncio.to_thread(upgrade, dsn, package)
    async with database.service_transaction() as connection:
        assert await current_revision(connection) == newest_revision(package) == "second"
        assert (await connection.scalars(text("SELECT line FROM note"))).all() == ["new", "new"]


async def test_a_fresh_database_has_no_revision(database: Database) -> None:
    """Asking an empty database for its revision is no error."""
    async with database.service_transaction() as connection:
        assert await current_revision(connection) is None


async def test_migrators_at_once_take_turns(tmp_path: Path, dsn: str, package: str) -> None:
    """Three migrators started together all succeed, and every migration runs once."""
    assert await asyncio.gather(*(migrator(tmp_path, dsn, package) for _ in range(3))) == [0, 0, 0]


async def test_a_failing_migration_leaves_nothing(tmp_path: Path, dsn: str, package: str, database: Database) -> None:
    """When the last of three migrations fails, none of them has happened."""
    (tmp_path / package / "versions" / "2026-12-03_0900_broken.py").write_text(BROKEN)
    with pytest.raises(DBAPIError, match="already exists"):
        await asyncio.to_thread(upgrade, dsn, package)
    async with database.service_transaction() as connection:
        tables = text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert await connection.scalar(tables) == 0


async def test_a_locked_table_is_tried_again(tmp_path: Path, dsn: str, package: str) -> None:
    """A migration waits 5 s for a table in use, lets go so that others get through, and succeeds at a later attempt."""
    await asyncio.to_thread(upgrade, dsn, package)
    alter = (
        SECOND.replace("second", "third")
        .replace('"first"', '"second"')
        .replace("UPDATE note SET line = 'new'", "ALTER TABLE note ADD extra int")
    )
    (tmp_path / package / "versions" / "2026-12-03_0900_third.py").write_text(alter)
    holder = await asyncpg.connect(dsn)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("LOCK TABLE note IN ACCESS SHARE MODE")
    upgrading = asyncio.create_task(asyncio.to_thread(upgrade, dsn, package))
    await asyncio.sleep(6)
    assert not upgrading.done()
    await transaction.rollback()
    await upgrading
    assert await holder.fetchval("SELECT version_num FROM alembic_version") == "third"
    await holder.close()


async def test_a_database_newer_than_the_code_is_refused(dsn: str, package: str, database: Database) -> None:
    """A revision that the code does not know ends the migrator instead of letting it guess."""
    await asyncio.to_thread(upgrade, dsn, package)
    async with database.service_transaction() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'future'"))
    with pytest.raises(CommandError, match="future"):
        await asyncio.to_thread(upgrade, dsn, package)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("CREATE TABLE bare (customer_number text)", "not enabled and forced"),
        ("CREATE TABLE bare (line text)", "not enabled and forced"),
        ("CREATE TABLE outbox (customer_number text)", "not enabled and forced"),
        ("ALTER TABLE note NO FORCE ROW LEVEL SECURITY", "not enabled and forced"),
        ("CREATE POLICY open ON note USING (true)", "not the one rule"),
        ("ALTER POLICY customer_or_service ON note USING (true)", "not the one rule"),
        ("ALTER POLICY customer_or_service ON note WITH CHECK (true)", "not the one rule"),
        ("DROP POLICY customer_or_service ON note", "not the one rule"),
    ],
)
async def test_a_table_without_the_wall_is_found(
    dsn: str, package: str, database: Database, statement: str, fault: str
) -> None:
    """Whatever is missing or loosened in a table's row-level security is told by the table's name."""
    await asyncio.to_thread(upgrade, dsn, package)
    async with database.service_transaction() as connection:
        assert await tables_without_policy(connection) == {}
        await connection.execute(text(statement))
        faults = await tables_without_policy(connection)
    assert [text for text in faults.values() if fault in text] == list(faults.values()) != []


async def test_an_allowed_table_needs_no_policy(database: Database) -> None:
    """A table on the list with its reason is passed over."""
    async with database.service_transaction() as connection:
        await connection.execute(text("CREATE TABLE signing_key (kid text)"))
        assert await tables_without_policy(connection, WITHOUT_POLICY | {"signing_key": "belongs to nobody"}) == {}
