"""A service as a process of its own that can be killed, stopped and started again as often as a fault wants."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import httpx2
import psutil
from prometheus_client.parser import text_string_to_metric_families

from kundenportal_local.program import tail
from tests.faults.forks import Forks

AGAIN_SECONDS = 0.05
READY_SECONDS = 60.0


class Process:
    """One service under a supervisor that starts it again whenever it ends, as Kubernetes would; `supervised` switches that.

    `environment` may be changed between starts; `once` is added to the next start alone.
    """

    def __init__(
        self,
        name: str,
        forks: Forks,
        environment: Mapping[str, str],
        log: Path,
        died: Callable[[int], None] = lambda _code: None,
    ) -> None:
        self.name, self.forks, self.log = name, forks, log
        self.environment = dict(environment)
        self.once: dict[str, str] = {}
        self.supervised = True
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.starts = 0
        self.deaths = 0
        self._died = died
        self._starting = asyncio.Lock()
        self._end = asyncio.Event()
        self._again: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self.pid is not None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['KUNDENPORTAL_HTTP_PORT']}"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['KUNDENPORTAL_MANAGEMENT_PORT']}"

    async def start(self, *, ready: bool = True) -> None:
        """Start it where it does not run and, unless told otherwise, wait until it is ready."""
        async with self._starting:
            if not self.running:
                once, self.once = self.once, {}
                self._end = asyncio.Event()
                pid = await self.forks.start({**self.environment, **once}, self.log, self._ended)
                self.starts += 1
                self.pid = None if self._end.is_set() else pid
        if ready:
            await self.until_ready()

    async def until_ready(self, seconds: float = READY_SECONDS) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not await self.is_ready():
                    if not self.running and not self.supervised:
                        break
                    await asyncio.sleep(0.02)
                else:
                    return
        except TimeoutError:
            pass
        raise AssertionError(f"{self.name} did not get ready:\n{tail(self.log)}")

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM); a supervised one is started again after it."""
        self._signal(signal.SIGTERM)

    def suspend(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    async def wait(self, seconds: float = 30) -> int:
        """Wait until the process that runs now has ended; its exit code, negative for a signal."""
        async with asyncio.timeout(seconds):
            await self._end.wait()
        assert self.exit_code is not None
        return self.exit_code

    async def until(self, true: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until something holds, e.g. `lambda: process.deaths > before`; TimeoutError when it does not."""
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - starts and ends are told to many, in no order
                await asyncio.sleep(0.01)

    async def restart(self) -> None:
        """Kill it and wait until it is ready again."""
        supervised, self.supervised = self.supervised, False
        if self.running:
            self.kill()
            await self.wait()
        self.supervised = supervised
        await self.start()

    async def stop(self, seconds: float = 30) -> int:
        """SIGTERM, and no restart: the exit code."""
        self.supervised = False
        self.terminate()
        return await self.wait(seconds)

    async def is_ready(self) -> bool:
        return await self._answers(f"{self.url}/ready")

    async def alive(self) -> bool:
        return await self._answers(f"{self.management_url}/alive")

    async def metrics(self) -> dict[str, float]:
        """Each sample by its name, those with labels as name{label="value",…} and added up under the bare name."""
        async with httpx2.AsyncClient(timeout=5) as client:
            text = (await client.get(f"{self.management_url}/metrics")).text
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                if labels:
                    found[f"{sample.name}{{{labels}}}"] = sample.value
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def rss(self) -> int:
        """Resident bytes of the process that runs now."""
        assert self.pid is not None, f"{self.name} does not run"
        return int(psutil.Process(self.pid).memory_info().rss)

    async def close(self) -> None:
        """End it for good, and tell nobody."""
        self.supervised = False
        self._died = lambda _code: None
        if self._again is not None:
            await self._again
        if self.running:
            self.resume()
            self.kill()
            await self.wait()

    async def _answers(self, url: str) -> bool:
        try:
            async with httpx2.AsyncClient(timeout=3) as client:
                return (await client.get(url)).status_code == 200
        except httpx2.HTTPError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _ended(self, code: int) -> None:
        self.pid, self.exit_code, self.deaths = None, code, self.deaths + 1
        self._end.set()
        self._died(code)
        self._again = asyncio.get_running_loop().create_task(self._start_again())

    async def _start_again(self) -> None:
        await asyncio.sleep(AGAIN_SECONDS)
        if self.supervised:
            await self.start(ready=False)
