"""A job that runs every so often, as a component."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from prometheus_client import Counter

from chassis.logs import get_logger

FAILURES = Counter("kundenportal_job_failures", "Rounds of periodic jobs that failed, by the job's name", ["name"])

log = get_logger()


class Periodic:
    """Runs `job` at once and then every `every`, never twice at a time. A failing job is logged, counted and tried again next time."""

    def __init__(self, name: str, every: timedelta, job: Callable[[], Awaitable[object]]) -> None:
        self.name = name
        self._every = every.total_seconds()
        self._job = job
        self._stop = asyncio.Event()
        self._failures = FAILURES.labels(name)

    async def run(self) -> None:
        while not self._stop.is_set():
            try:
                await self._job()
            except Exception:
                self._failures.inc()
                log.exception("job_failed", job=self.name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._every)

    def stop(self) -> None:
        self._stop.set()
