"""What a crash ends: the tasks of one simulated process, told apart from all others by their context."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

_CURRENT: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("simulated_process", default=None)


class Schedules(Protocol):
    """The loop, as far as a process needs it."""

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: contextvars.Context | None = None
    ) -> "asyncio.Task[Any]": ...

    def again(self, handles: "list[asyncio.Handle]") -> None: ...


class Process:
    """Runs `main` until it ends by itself or is killed; `gone` is done then, with the failure that ended it, if any.

    Killed, none of its tasks ever runs again, not even to clean up. Paused (SIGSTOP), none runs until it is resumed,
    while the clock and everybody else go on.
    """

    def __init__(self, loop: Schedules, name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.name = name
        self.alive = True
        self.parked: list[asyncio.Handle] | None = None
        """What waits for it to be resumed; None while it is not paused."""
        self.tasks: list[asyncio.Task[Any]] = []
        self._loop = loop
        self._endings: dict[int, Callable[[], None]] = {}
        self._next_ending = 0
        self.gone: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        context = contextvars.Context()
        context.run(_CURRENT.set, self)
        self._main = context.run(lambda: loop.create_task(main(), name=name, context=context))
        self._main.add_done_callback(self._ended, context=contextvars.Context())

    @property
    def paused(self) -> bool:
        return self.parked is not None

    def kill(self) -> None:
        """SIGKILL: the outside sees its connections end, nothing else."""
        if self.alive:
            self.alive, self.parked = False, None
            self._let_go()
            self.gone.set_result(None)

    def pause(self) -> None:
        """SIGSTOP."""
        if self.alive and self.parked is None:
            self.parked = []

    def resume(self) -> None:
        """SIGCONT: everything that became due meanwhile is due now."""
        if self.parked is not None:
            handles, self.parked = self.parked, None
            self._loop.again(handles)

    def at_end(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call this when the process is gone, as the other end of its connection notices; returns how to take it back."""
        self._next_ending += 1
        number = self._next_ending
        self._endings[number] = callback
        return lambda: self._endings.pop(number, None) and None

    def _ended(self, main: "asyncio.Task[Any]") -> None:
        if self.alive:
            self.alive = False
            self._let_go()
            self.gone.set_result(main.exception() if not main.cancelled() else asyncio.CancelledError())

    def _let_go(self) -> None:
        endings, self._endings = self._endings, {}
        for callback in endings.values():
            callback()


def current_process() -> Process | None:
    """The process whose task is running; None outside of all, and outside of a simulation."""
    return _CURRENT.get()


def process_of(context: contextvars.Context) -> Process | None:
    return context.get(_CURRENT)
