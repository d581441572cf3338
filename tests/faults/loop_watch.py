"""The largest stall of a service's event loop, as metrics of the process under test."""

import asyncio
from pathlib import Path

from prometheus_client import Gauge

STALL = Gauge("fault_loop_stall_seconds", "The longest time for which the event loop did not go round")
OWN_STALL = Gauge(
    "fault_loop_own_stall_seconds", "The same without the time for which the machine gave it no processor"
)
TICK_SECONDS = 0.01
SCHEDULED = Path("/proc/thread-self/schedstat")


class LoopWatch:
    """A component."""

    name = "loop_watch"

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._worst = self._worst_own = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began, waited = loop.time(), _waited_seconds()
            await asyncio.sleep(TICK_SECONDS)
            late = loop.time() - began - TICK_SECONDS
            self._worst = max(self._worst, late)
            self._worst_own = max(self._worst_own, late - (_waited_seconds() - waited))
            STALL.set(self._worst)
            OWN_STALL.set(self._worst_own)

    def stop(self) -> None:
        self._stop.set()


def _waited_seconds() -> float:
    """How long this thread was ready to run and did not; 0 where the kernel does not tell."""
    try:
        return int(SCHEDULED.read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0
