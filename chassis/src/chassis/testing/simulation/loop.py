"""An event loop whose time is virtual and whose tasks run in a seeded order.

Waiting costs nothing: when nobody can run the clock moves to the next timer. Whoever can run is picked by chance, which
is a wider choice than asyncio's first in, first out. The same seed gives the same history.
"""

import asyncio
import contextvars
import heapq
import random
import sys
from asyncio import events
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, Unpack

from chassis.testing.simulation.process import Process, current_process, process_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MOST_STEPS = 300_000


class Stuck(Exception):
    """Nobody can run and no timer is set, or the history has no end."""


class _Task(asyncio.Task[Any]):
    """A task whose place in a set depends on nothing but the history."""

    def __init__(self, number: int, coro: Any, **options: Any) -> None:
        self.number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number


class _Future(asyncio.Future[Any]):
    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Runs one history. `before_step` is asked before each step of a process: False where it killed or paused it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - chance that can be repeated
        self.before_step: Callable[[Process], bool] = lambda _: True
        self.complaints: list[str] = []
        """What nobody awaited: failures of tasks and callbacks."""
        self.connect: Callable[..., Coroutine[Any, Any, Any]] | None = None
        """What `create_connection` does."""
        self._now = 0.0
        self._steps = 0
        self._numbers = count()
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._tasks: list[tuple[asyncio.Task[Any], contextvars.Context]] = []
        self._over = False

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until `main`, which belongs to no process, has ended; all others are forgotten then."""
        with _running(self):
            try:
                task = self.create_task(main)
                while not task.done():
                    self._turn()
                result: T = task.result()
                return result
            finally:
                self._over = True
                self._bury()

    def _turn(self) -> None:
        ready = self._ready
        if not ready:
            self._pass_time()
            return
        place = int(self.random.random() * len(ready))
        ready[place], ready[-1] = ready[-1], ready[place]
        handle = ready.pop()
        if handle._cancelled:  # noqa: SLF001 - a loop looks into its handles
            return
        process = process_of(handle._context)  # type: ignore[attr-defined] # noqa: SLF001 - see above
        if process is not None and not self._may_step(process, handle):
            return
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise Stuck(f"no end after {MOST_STEPS} steps")
        handle._run()  # noqa: SLF001 - see above

    def _may_step(self, process: Process, handle: asyncio.Handle) -> bool:
        if process.alive and not process.paused and self.before_step(process):
            return True
        if process.parked is not None:
            process.parked.append(handle)
        return False

    def _pass_time(self) -> None:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not timers:
            raise Stuck("everybody waits, and no timer is set")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[2])

    def again(self, handles: list[asyncio.Handle]) -> None:
        self._ready += handles

    def _bury(self) -> None:
        """Close what never ended, when it can reach nobody any more: the history has been judged."""
        self._ready, self._timers = [], []
        for _, context in self._tasks:
            if (process := process_of(context)) is not None:
                process.kill()
        for task, context in self._tasks:  # grows while clean-up code makes tasks of its own
            task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - as asyncio's own shutdown does
            if not task.done() and (coroutine := task.get_coro()) is not None:
                context.run(_close, coroutine)

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if not self._over:
            self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is passed over when its time comes."""

    def create_future(self) -> "asyncio.Future[Any]":
        return _Future(next(self._numbers), self)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: contextvars.Context | None = None
    ) -> "asyncio.Task[Any]":
        context = contextvars.copy_context() if context is None else context
        task = _Task(next(self._numbers), coro, loop=self, name=name or "task", context=context)
        self._tasks.append((task, context))
        return task

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        """To a listener in memory, where there is one."""
        if self.connect is None:
            raise ConnectionRefusedError("no network in this simulation")
        return await self.connect(*args, **options)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        process = current_process()
        if not self._over and (process is None or process.alive):
            self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._over

    def is_closed(self) -> bool:
        return self._over


def simulate(main: Coroutine[Any, Any, T], *, seed: int = 1) -> T:
    """Run `main` in virtual time: for a test that would wait, or wants its tasks in many orders."""
    return SimulatedLoop(seed).run(main)  # type: ignore[abstract] # what is missing is not supported


@contextmanager
def _running(loop: SimulatedLoop) -> Iterator[None]:
    """Make it the running loop of this thread; the jitter that the code under test draws is the history's own."""
    outer, hooks, chance = events._get_running_loop(), sys.get_asyncgen_hooks(), random.getstate()  # noqa: SLF001 - a loop's own duty
    events._set_running_loop(loop)  # noqa: SLF001 - see above
    sys.set_asyncgen_hooks(firstiter=lambda _: None, finalizer=lambda _: None)
    random.seed(loop.random.random())
    try:
        yield
    finally:
        random.setstate(chance)
        sys.set_asyncgen_hooks(*hooks)
        events._set_running_loop(outer)  # noqa: SLF001 - see above


def _close(coroutine: Any) -> None:
    for _ in range(100):  # each await in its clean-up code is one more refusal to end
        try:
            coroutine.close()
        except RuntimeError:
            continue
        except BaseException:  # noqa: BLE001 - whatever a dead process still has to say
            return
        return
