"""Hears that mails were queued: LISTEN on a connection of its own. Whoever misses a word is saved by polling."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import asyncpg

from chassis.database_url import connector
from chassis.logs import get_logger
from notifier.adapters.delivery_statements import CHANNEL

RECONNECT_SECONDS = 2.0
PROBE_SECONDS = 10.0
LIMIT = timedelta(seconds=10)
log = get_logger()


class PostgresWakeups:
    """A component that calls `wake` whenever a transaction that queued mails was committed."""

    name = "wakeups"

    def __init__(self, database_url: str, wake: Callable[[], None]) -> None:
        self._connect = connector(
            database_url,
            application_name="notifier-wakeups",
            connect_timeout=LIMIT,
            statement_timeout=LIMIT,
            lock_timeout=LIMIT,
            idle_timeout=LIMIT,
        )
        self._wake = wake
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._listen()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("wakeups_interrupted", error=type(error).__name__)
            await self._pause(RECONNECT_SECONDS)

    def stop(self) -> None:
        self._stopping.set()

    async def _listen(self) -> None:
        connection = await self._connect()
        try:
            await connection.add_listener(CHANNEL, lambda *_: self._wake())
            self._wake()
            while not await self._pause(PROBE_SECONDS):
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()

    async def _pause(self, seconds: float) -> bool:
        """Wait that long, less when asked to stop, and say whether that was asked."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True
