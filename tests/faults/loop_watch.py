"""The largest stall of a service's event loop, as a metric of the process under test."""

import asyncio

from prometheus_client import Gauge

STALL = Gauge("fault_loop_stall_seconds", "The longest time for which the event loop did not go round")
TICK_SECONDS = 0.01


class LoopWatch:
    """A component."""

    name = "loop_watch"

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._worst = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began = loop.time()
            await asyncio.sleep(TICK_SECONDS)
            self._worst = max(self._worst, loop.time() - began - TICK_SECONDS)
            STALL.set(self._worst)

    def stop(self) -> None:
        self._stop.set()
