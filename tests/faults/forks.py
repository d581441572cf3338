"""Our end of a zygote (see zygote.py): forks of one module, started in no time, each end told to whoever started it."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from kundenportal_local.program import bound, tail

ROOT = Path(__file__).parents[2]
IMPORT_SECONDS = 120.0


class Forks:
    """Opened once, closed once; `start` as often as wanted."""

    def __init__(self, module: str, log: Path) -> None:
        self._module, self._log = module, log
        self._zygote: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._imported = asyncio.Event()
        self._one_by_one = asyncio.Lock()
        self._pids: asyncio.Queue[int] = asyncio.Queue()
        self._ended: dict[int, Callable[[int], None]] = {}
        self._early: dict[int, int] = {}

    async def open(self) -> None:
        """Return when the module is imported."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._zygote = await asyncio.create_subprocess_exec(
                *bound((sys.executable, "-m", "tests.faults.zygote", self._module)),
                cwd=ROOT,
                env=_without(("KUNDENPORTAL_", "FAULT_")),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._listening = asyncio.create_task(self._listen())
        async with asyncio.timeout(IMPORT_SECONDS):
            await self._imported.wait()
        if self._listening.done():
            raise AssertionError(f"{self._module} cannot be imported:\n{tail(self._log)}")

    async def start(self, environment: Mapping[str, str], log: Path, ended: Callable[[int], None]) -> int:
        """Fork one; `ended` is called with its exit code, negative for a signal. Returns its pid."""
        assert self._zygote is not None, "open() comes first"
        assert self._zygote.stdin is not None
        order = {"environment": {**_without(("KUNDENPORTAL_", "FAULT_")), **environment}, "log": str(log)}
        async with self._one_by_one:
            self._zygote.stdin.write(json.dumps(order).encode() + b"\n")
            await self._zygote.stdin.drain()
            pid = await self._pids.get()
        if pid in self._early:
            ended(self._early.pop(pid))
        else:
            self._ended[pid] = ended
        return pid

    async def close(self) -> None:
        """Its forks end with it."""
        if self._zygote is not None and self._zygote.stdin is not None:
            self._zygote.stdin.close()
            await self._zygote.wait()
        if self._listening is not None:
            await self._listening

    async def _listen(self) -> None:
        assert self._zygote is not None
        assert self._zygote.stdout is not None
        async for line in self._zygote.stdout:
            what, *numbers = line.decode().split()
            if what == "ready":
                self._imported.set()
            elif what == "started":
                self._pids.put_nowait(int(numbers[0]))
            else:
                self._tell(*map(int, numbers))
        self._imported.set()

    def _tell(self, pid: int, code: int) -> None:
        if pid in self._ended:
            self._ended.pop(pid)(code)
        else:
            self._early[pid] = code


def _without(prefixes: tuple[str, ...]) -> dict[str, str]:
    """Our own environment but for what would reach a service by accident."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
