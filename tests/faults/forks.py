"""Our end of a zygote (see zygote.py): forks of one module, started in no time, each end told to whoever started it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from kundenportal_local.program import bound, tail

ROOT = Path(__file__).parents[2]
IMPORT_SECONDS = 120.0


class Zygotes:
    """The zygotes of a test run, one for each module, started when first wanted. Only from the main thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def path(self, module: str) -> Path:
        """Where its socket is, or soon will be."""
        return self._folder / f"{module}.socket"

    def log(self, module: str) -> Path:
        return self._folder / f"{module}.log"

    def wake(self, module: str) -> None:
        """Let it import its modules, unless it has."""
        if module in self._started:
            return
        command = bound((sys.executable, "-m", "tests.faults.zygote", module, str(self.path(module))))
        with self.log(module).open("ab") as log:
            self._started[module] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=_own_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def failed(self, module: str) -> str | None:
        """What a zygote said that has ended; None while it lives."""
        ended = self._started[module].poll() is not None
        return f"{module} cannot be forked:\n{tail(self.log(module))}" if ended else None

    def close(self) -> None:
        for process in self._started.values():
            process.kill()
            process.wait()


class Forks:
    """One stand's processes of one module; they end with `close`."""

    def __init__(self, zygotes: Zygotes, module: str) -> None:
        self._zygotes, self._module = zygotes, module
        self._orders: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._one_by_one = asyncio.Lock()
        self._pids: asyncio.Queue[int] = asyncio.Queue()
        self._ended: dict[int, Callable[[int], None]] = {}
        self._early: dict[int, int] = {}

    async def open(self) -> None:
        """Return when the module is imported and can be forked."""
        self._zygotes.wake(self._module)
        async with asyncio.timeout(IMPORT_SECONDS):
            while True:
                try:
                    answers, self._orders = await asyncio.open_unix_connection(self._zygotes.path(self._module))
                    break
                except (FileNotFoundError, ConnectionRefusedError):
                    if failure := self._zygotes.failed(self._module):
                        raise AssertionError(failure) from None
                    await asyncio.sleep(0.02)
        self._listening = asyncio.create_task(self._listen(answers))

    async def start(self, environment: Mapping[str, str], log: Path, ended: Callable[[int], None]) -> int:
        """Fork one; `ended` is called with its exit code, negative for a signal. Returns its pid."""
        assert self._orders is not None, "open() comes first"
        order = {"environment": {**_own_environment(), **environment}, "log": str(log)}
        async with self._one_by_one:
            self._orders.write(json.dumps(order).encode() + b"\n")
            await self._orders.drain()
            pid = await self._pids.get()
        if pid in self._early:
            ended(self._early.pop(pid))
        else:
            self._ended[pid] = ended
        return pid

    async def close(self) -> None:
        """What still runs is killed; the zygote stays for others."""
        if self._orders is not None:
            self._orders.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self, answers: asyncio.StreamReader) -> None:
        async for line in answers:
            what, *numbers = line.decode().split()
            if what == "started":
                self._pids.put_nowait(int(numbers[0]))
            else:
                self._tell(*map(int, numbers))

    def _tell(self, pid: int, code: int) -> None:
        if pid in self._ended:
            self._ended.pop(pid)(code)
        else:
            self._early[pid] = code


def _own_environment() -> dict[str, str]:
    """Ours, but for what would reach a service by accident."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("KUNDENPORTAL_", "FAULT_"))}
