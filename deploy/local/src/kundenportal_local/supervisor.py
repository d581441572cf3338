"""Keeps programs running: starts again what exits, leaves alone what is stopped or slow, and ends all of them in order."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.program import Program, Running, bound_log, how_it_ended, not_ready
from kundenportal_local.restarts import Restarts

LOOK_SECONDS = 0.05
LOG_LOOK_SECONDS = 10.0


class Keeper:
    """One program that must run."""

    def __init__(self, program: Program, log: Path, *, changed: Callable[[], None], say: Callable[[str], None]) -> None:
        self.program = program
        self.running: Running | None = None
        self.pid: int | None = None  # of the latest process, also between its end and the next start
        self._log = log
        self._changed = changed
        self._say = say
        self._restarts = Restarts()

    async def start(self, seconds: float) -> None:
        """Start it and wait until it is ready; LocalTroubleError with the end of its log when it is not."""
        await self._spawn()
        deadline = time.monotonic() + seconds
        while not await asyncio.to_thread(self.program.is_ready):
            if self.running is None or self.running.exit_code is not None or time.monotonic() > deadline:
                raise not_ready(self.running, seconds) if self.running else LocalTroubleError(self.program.name)
            await asyncio.sleep(LOOK_SECONDS)

    async def keep(self) -> None:
        """Start it again whenever it exits, until cancelled."""
        while True:
            started_at = self.running.started_at if self.running else time.monotonic()
            how = await self._end()
            now = time.monotonic()
            delay = self._restarts.delay(now, now - started_at)
            self._say(f"{self.program.name} ended ({how}); it is started again in {delay:.1f} s.")
            await asyncio.sleep(delay)
            try:
                await self._spawn()
            except (LocalTroubleError, OSError) as error:
                self._say(f"{self.program.name} could not be started again: {error}")

    async def _spawn(self) -> None:
        await asyncio.to_thread(self.program.prepare)
        self.running = Running(self.program, self._log)
        self.pid = self.running.pid
        self._changed()

    async def _end(self) -> str:
        running = self.running
        if running is None:
            return "not started"
        code = await exit_code(running)
        running.kill()
        self.running = None
        return how_it_ended(code)


class Supervisor:
    """The programs of one stack, in groups that end one after the other."""

    def __init__(self, logs: Path, *, changed: Callable[[], None], say: Callable[[str], None] = print) -> None:
        self._logs = logs
        self._changed = changed
        self._say = say
        self._keepers: dict[str, Keeper] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def pids(self) -> dict[str, int]:
        """The process that does the work of each program: the latest one, where it is just being started again."""
        return {name: keeper.pid for name, keeper in self._keepers.items() if keeper.pid is not None}

    async def start(self, program: Program, seconds: float) -> None:
        """Start a program and, once it is ready, keep it running."""
        keeper = Keeper(program, self._logs / f"{program.name}.log", changed=self._changed, say=self._say)
        self._keepers[program.name] = keeper
        await keeper.start(seconds)
        self._background(keeper.keep())

    async def run_once(self, program: Program, *, echo: bool = False) -> None:
        """Run a program to its end; LocalTroubleError when that is not exit code 0. Cancelling kills it."""
        await asyncio.to_thread(program.prepare)
        running = Running(program, self._logs / f"{program.name}.log", echo=echo)
        try:
            code = await exit_code(running)
        finally:
            running.kill()
        if code != 0:
            raise LocalTroubleError(f"{program.name} failed.") if echo else not_ready(running, 0)

    def watch_logs(self) -> None:
        """Keep every log of the folder bounded from now on."""
        self._background(self._bound_logs())

    async def stop(self, groups: Iterable[tuple[Sequence[str], float]]) -> None:
        """End the groups one after the other: ask all of a group, wait its seconds at most, then kill what is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        try:
            for names, seconds in groups:
                await self._stop_group([self._keepers[name] for name in names if name in self._keepers], seconds)
        finally:
            for keeper in self._keepers.values():
                if keeper.running:
                    keeper.running.kill()

    async def _stop_group(self, keepers: Sequence[Keeper], seconds: float) -> None:
        running = [keeper.running for keeper in keepers if keeper.running]
        for one in running:
            one.ask_to_stop()
        if running:
            await asyncio.wait([asyncio.ensure_future(exit_code(one)) for one in running], timeout=seconds)
        for one in running:
            if one.exit_code is None:
                self._say(f"{one.program.name} did not end within {seconds:.0f} s and is killed.")
            one.kill()

    async def _bound_logs(self) -> None:
        while True:
            for log in self._logs.glob("*.log"):
                await asyncio.to_thread(bound_log, log)
            await asyncio.sleep(LOG_LOOK_SECONDS)

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))


async def exit_code(running: Running) -> int:
    """Wait until it has exited."""
    while (code := running.exit_code) is None:  # noqa: ASYNC110  nothing tells of an exit but asking
        await asyncio.sleep(LOOK_SECONDS)
    return code
