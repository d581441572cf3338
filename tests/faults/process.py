"""A service as a process of its own that can be killed, stopped and started again as often as a fault wants."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import httpx2
import psutil
from prometheus_client.parser import text_string_to_metric_families

from kundenportal_local.program import bound, tail

ROOT = Path(__file__).parents[2]
AGAIN_SECONDS = 0.05
READY_SECONDS = 60.0
IMPORT_SECONDS = 120.0


class Process:
    """One service under a supervisor that starts it again whenever it ends, as Kubernetes would; `supervised` switches that.

    It is forked from a zygote that has its modules imported (see zygote.py); `environment` may be changed between starts,
    `once` is added to the next start alone.
    """

    def __init__(
        self,
        name: str,
        module: str,
        environment: Mapping[str, str],
        log: Path,
        died: Callable[[int], None] = lambda _code: None,
    ) -> None:
        self.name, self.module, self.log = name, module, log
        self._died = died
        self.environment = dict(environment)
        self.once: dict[str, str] = {}
        self.supervised = True
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.starts = 0
        self.deaths = 0
        self._zygote: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._imported = asyncio.Event()

    @property
    def running(self) -> bool:
        return self.pid is not None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['KUNDENPORTAL_HTTP_PORT']}"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['KUNDENPORTAL_MANAGEMENT_PORT']}"

    async def open(self) -> None:
        """Import its modules; nothing is started yet."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._zygote = await asyncio.create_subprocess_exec(
                *bound((sys.executable, "-m", "tests.faults.zygote", self.module)),
                cwd=ROOT,
                env={name: value for name, value in os.environ.items() if not name.startswith("KUNDENPORTAL_")},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._listening = asyncio.create_task(self._listen())
        async with asyncio.timeout(IMPORT_SECONDS):
            await self._imported.wait()
        if self._zygote.returncode is not None or self._listening.done():
            raise AssertionError(f"{self.module} cannot be imported:\n{tail(self.log)}")

    async def start(self, *, ready: bool = True) -> None:
        """Start it and, unless told otherwise, wait until it is ready."""
        if not self.running:
            before = self.starts
            await self._order()
            await self._until(lambda: self.starts > before, READY_SECONDS)
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
        before = self.deaths
        if self.running:
            await self._until(lambda: self.deaths > before, seconds)
        assert self.exit_code is not None, f"{self.name} never ran"
        return self.exit_code

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
        """End it and its zygote."""
        self.supervised = False
        self._died = lambda _code: None
        if self.running:
            self.resume()
            self.kill()
            await self.wait()
        if self._zygote is not None and self._zygote.stdin is not None:
            self._zygote.stdin.close()
            await self._zygote.wait()
        if self._listening is not None:
            await self._listening

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

    async def _order(self) -> None:
        assert self._zygote is not None, "open() comes first"
        assert self._zygote.stdin is not None
        base = {name: value for name, value in os.environ.items() if not name.startswith(("KUNDENPORTAL_", "FAULT_"))}
        order = {"environment": {**base, **self.environment, **self.once}, "log": str(self.log)}
        self.once = {}
        self._zygote.stdin.write(json.dumps(order).encode() + b"\n")
        await self._zygote.stdin.drain()

    async def _listen(self) -> None:
        """Follow what the zygote tells, and start again what ended."""
        assert self._zygote is not None
        assert self._zygote.stdout is not None
        async for line in self._zygote.stdout:
            what, *numbers = line.decode().split()
            if what == "ready":
                self._imported.set()
                continue
            async with self._changed:
                if what == "started":
                    self.pid, self.starts = int(numbers[0]), self.starts + 1
                else:
                    self.pid, self.exit_code, self.deaths = None, int(numbers[1]), self.deaths + 1
                self._changed.notify_all()
            if what == "exited":
                self._died(int(numbers[1]))
            if what == "exited" and self.supervised:
                await asyncio.sleep(AGAIN_SECONDS)
                if self.supervised and not self.running:
                    await self._order()
        self._imported.set()

    async def _until(self, true: Callable[[], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(true)
