"""The network swallows everything between service and database: every wait ends, and healing is noticed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from chassis.database import Database, DatabaseUnavailable
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration


class Road:
    """A proxy before the database; while it is blocked, bytes go nowhere and nobody is told."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self._pumps: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def to(self, dsn: str) -> AsyncIterator[str]:
        parts = urlsplit(dsn)

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection(parts.hostname, parts.port)
            self._pumps.add(asyncio.create_task(self._pump(reader, far_writer)))
            self._pumps.add(asyncio.create_task(self._pump(far_reader, writer)))

        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        yield dsn.replace(f":{parts.port}/", f":{server.sockets[0].getsockname()[1]}/")
        server.close()
        self.open.set()
        await asyncio.wait_for(asyncio.gather(*self._pumps), 10)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self.open.wait()
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


async def test_a_black_hole_before_and_within_a_transaction(postgres: PostgresServer) -> None:
    """A pooled connection gone silent and a statement without an answer both end as DatabaseUnavailable, in seconds."""
    road = Road()
    async with road.to(postgres.create_database("silent")) as dsn:
        database = Database(dsn, pool_size=1, application_name="silent", statement_timeout=timedelta(milliseconds=100))
        await database.ping()

        async def ask() -> None:
            async with database.service_transaction() as connection:
                road.open.clear()
                await connection.execute(text("SELECT 1"))

        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="TimeoutError"):
            await ask()
        assert time.monotonic() - started < 20
        road.open.set()
        await database.ping(timedelta(seconds=10))
        road.open.clear()
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="TimeoutError"):
            await ask()
        assert time.monotonic() - started < 8
        road.open.set()
        await database.ping(timedelta(seconds=10))
        await database.close()
