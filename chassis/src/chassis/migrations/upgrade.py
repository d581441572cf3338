"""Alembic for every service alike: one advisory lock, one transaction, row-level security from the first table on.

A service's `migrations/env.py` is two lines: the import of its metadata and `run_env(metadata)`.
"""

import asyncio
import importlib.util
import time
from datetime import timedelta
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from chassis.database_url import connector
from chassis.logs import get_logger

# One key for all services: each has a database of its own, and advisory locks are per database.
LOCK_KEY = 7_268_409_031
LOCK_WAIT = timedelta(seconds=120)
DDL_LOCK_TIMEOUT = timedelta(seconds=5)
DDL_ATTEMPTS = 5
LOCK_NOT_AVAILABLE = "55P03"

log = get_logger()


class MigrationsBusy(Exception):
    """Another migrator has been at work for longer than anybody waits."""


def upgrade(url: str, package: str) -> None:
    """Bring the database at `url` to the newest revision of `package`, e.g. "identity.migrations"; repeating does nothing.

    Starts an event loop of its own: from a coroutine call `await asyncio.to_thread(upgrade, url, package)`.
    A table that is locked by somebody else for 5 s lets everything roll back; it is tried five times.
    """
    config = configuration(package)
    config.attributes["url"] = url
    for attempt in range(1, DDL_ATTEMPTS + 1):
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            if attempt == DDL_ATTEMPTS or getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            log.warning("migration_waits_for_lock", package=package, attempt=attempt)
            time.sleep(attempt)
        else:
            return


def configuration(package: str) -> Config:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is no package with migrations")
    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(spec.submodule_search_locations)))).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def run_env(metadata: MetaData) -> None:
    """Be the whole of an env.py: run what `upgrade` asked for, in one transaction with app.scope = 'service'."""
    asyncio.run(_online(context.config.attributes["url"], metadata))


async def _online(url: str, metadata: MetaData) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connector(
            url,
            application_name="migrations",
            connect_timeout=timedelta(seconds=10),
            statement_timeout=timedelta(0),
            lock_timeout=DDL_LOCK_TIMEOUT,
            idle_timeout=timedelta(minutes=10),
        ),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            await _lock(connection)
            await connection.run_sync(_migrate, metadata)
    finally:
        await engine.dispose()


async def _lock(connection: AsyncConnection) -> None:
    """Take the lock of the session; it ends with the connection. Asked for again and again, as lock_timeout is short."""
    deadline = time.monotonic() + LOCK_WAIT.total_seconds()
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}):
        await connection.rollback()
        if time.monotonic() > deadline:
            raise MigrationsBusy(f"another migrator has held the lock for {LOCK_WAIT.total_seconds():g} s")
        await asyncio.sleep(0.2)
    await connection.commit()


def _migrate(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata, on_version_apply=_tell)
    with context.begin_transaction():
        connection.execute(text("SELECT set_config('app.scope', 'service', true)"))
        context.run_migrations()


def _tell(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001 - Alembic's names
    log.info("migration_applied", revision=step.up_revision_id)


def newest_revision(package: str) -> str | None:
    """Find the revision that the code expects."""
    return ScriptDirectory.from_config(configuration(package)).get_current_head()


async def current_revision(connection: AsyncConnection) -> str | None:
    """Find the revision that the database has."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
