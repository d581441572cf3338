"""A job that runs every so often, as a component."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from chassis.logs import get_logger

log = get_logger()


class Periodic:
    """Runs `job` at once and then every `every`, never twice at a time. A failing job is logged and tried again next time."""

    def __init__(self, name: str, every: timedelta, job: Callable[[], Awaitable[object]]) -> None:
        self.name = name
        self._every = every.total_seconds()
        self._job = job
        self._stop = asyncio.Event()

    async def run(self) -> None:
        while not self._stop.is_set():
            try:
                await self._job()
            except Exception:
                log.exception("job_failed", job=self.name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._every)

    def stop(self) -> None:
        self._stop.set()
