"""One history as those see it who write one: processes that are started again, trouble, waiting, and a trace of it all."""

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from chassis.testing.simulation.clock import SimulatedClock
from chassis.testing.simulation.loop import SimulatedLoop
from chassis.testing.simulation.plan import Plan
from chassis.testing.simulation.process import Process, current_process

STOP_SECONDS = 30.0
LOOK_SECONDS = 0.25
PAUSE_SECONDS = (1.0, 12.0, 45.0, 45.0)
HORIZON = 400


class Component(Protocol):
    async def run(self) -> None: ...

    def stop(self) -> None: ...


class World:
    """Everything around the processes of one history. What it holds outlives their crashes."""

    def __init__(self, plan: Plan, *, horizon: int = HORIZON) -> None:
        self.plan = plan
        self.loop = SimulatedLoop(plan.seed)  # type: ignore[abstract] # what is missing is not supported
        self.clock = SimulatedClock(self.loop)
        self.chance = random.Random(f"trouble of {plan.seed}")  # noqa: S311 - chance that can be repeated
        self.steps = 0
        self.crashes = 0
        self.trace: list[tuple[float, str, str]] = []
        self.findings: list[str] = []
        self.processes: dict[str, Process] = {}
        self._components: dict[str, Sequence[Component]] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self.pauses = 0
        self.restarts = 0
        self.commits = 0
        self.on_end: Callable[[], None] = lambda: None
        """Called whenever a process is torn from its work, or asked to leave it."""
        self._crash_at, self._pause_at = plan.steps(horizon)
        self._healed = self._stopping = False
        self.loop.before_step = self._before_step

    def note(self, what: str) -> None:
        """Write down what happened, for whoever reads the history of a failure."""
        process = current_process()
        self.trace.append((self.loop.time(), process.name if process else "-", what))

    def find(self, what: str) -> None:
        """Write down what must not be."""
        self.note(f"FOUND {what}")
        self.findings.append(what)

    def keep(self, name: str, make: Callable[[], Sequence[Component]]) -> None:
        """Run a process made of these components, and again whenever it has crashed."""
        self._keepers[name] = self.loop.create_task(self._keep(name, make))

    async def until(self, so: Callable[[], bool], seconds: float, what: str) -> bool:
        """Wait until it is so; a finding where that takes longer."""
        deadline = self.loop.time() + seconds
        while not so():
            if self.loop.time() > deadline:
                self.find(f"not {what} within {seconds:g} s")
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    async def suffer(self, troubles: Sequence[Callable[[], Awaitable[None]]], most: int = 4, within: float = 8) -> None:
        """Have some of these troubles, one beginning after the other; none in a calm history."""
        if self.plan.calm or not troubles:
            return
        for _ in range(self.chance.randint(0, most)):
            await asyncio.sleep(self.chance.uniform(0, within))
            trouble = self.chance.choice(troubles)
            self.note(f"trouble: {getattr(trouble, '__name__', trouble)}")
            await trouble()

    def fate_of_commit(self) -> str:
        """For `MemoryStore.fate`: what the plan has for the commit at hand."""
        if not self._healed:
            self.commits += 1
            if self.commits in self.plan.lost_before:
                return "before"
            if self.commits in self.plan.lost_after:
                return "after"
        return ""

    def heal(self) -> None:
        """No crash from here on, and nobody stays paused."""
        self._healed = True
        for process in self.processes.values():
            process.resume()
        self.note("healed")

    @property
    def uneventful(self) -> bool:
        """Whether nothing has gone wrong, and nothing will."""
        lost = self.plan.lost_before or self.plan.lost_after
        return self.plan.calm and not (self.crashes or self.pauses or lost)

    @property
    def rivals(self) -> int:
        """How many processes of a kind there are: a zombie needs somebody to take over."""
        if self.plan.calm:
            return 2 if self.plan.pauses else 1
        return self.chance.randint(1, 2)

    async def restart_somebody(self) -> None:
        """SIGTERM one process, as a rolling restart does; a finding where it does not end in time."""
        names = [name for name, process in self.processes.items() if process.alive and name in self._components]
        if names:
            name = self.chance.choice(names)
            process = self.processes[name]
            self.restarts += 1
            self.on_end()
            self.note(f"{name} is asked to stop")
            _stop(self._components[name])
            slept, pauses = process.paused, self.pauses
            _, late = await asyncio.wait({process.gone}, timeout=STOP_SECONDS)
            if late and not slept and pauses == self.pauses:
                self.find(f"{name} did not stop within {STOP_SECONDS:g} s")

    async def pause_somebody(self) -> None:
        """SIGSTOP one process, whatever it is doing."""
        if alive := [process for process in self.processes.values() if process.alive]:
            self._pause(self.chance.choice(alive), "")

    def _pause(self, process: Process, when: str) -> None:
        """For up to 45 s, longer than any session or lease lives."""
        seconds = self.chance.choice(PAUSE_SECONDS)
        self.pauses += 1
        self.on_end()
        process.pause()
        self.note(f"{process.name} is paused for {seconds:g} s{when}")
        self.loop.call_later(seconds, process.resume, context=contextvars.Context())

    async def stop(self) -> None:
        """Ask all components to stop; a finding where a process does not end in time."""
        for keeper in self._keepers.values():
            keeper.cancel()
        self._stopping = True
        for components in self._components.values():
            _stop(components)
        waiting = {process.gone: name for name, process in self.processes.items() if process.alive}
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=STOP_SECONDS)
            for gone in late:
                self.find(f"{waiting[gone]} did not stop within {STOP_SECONDS:g} s")

    async def _keep(self, name: str, make: Callable[[], Sequence[Component]]) -> None:
        async def main() -> None:
            self._components[name] = components = make()
            self.note("starts")
            if self._stopping:
                _stop(components)
            async with asyncio.TaskGroup() as group:
                for component in components:
                    group.create_task(component.run())

        while True:
            process = self.processes[name] = Process(self.loop, name, main)
            failure = await asyncio.shield(process.gone)
            self.note(f"{name} has ended: {failure!r}")
            if failure is not None:
                self.find(f"{name} died of {failure!r}")
            await asyncio.sleep(self.chance.uniform(0.05, 2.0))

    def _before_step(self, process: Process) -> bool:
        if self._healed:
            return True
        self.steps += 1
        if self.steps in self._crash_at:
            self.crashes += 1
            self.on_end()
            self.note(f"{process.name} crashes before step {self.steps}")
            process.kill()
            return False
        if self.steps in self._pause_at:
            self._pause(process, f" before step {self.steps}")
            return False
        return True


def _stop(components: Sequence[Component]) -> None:
    for component in components:
        component.stop()


Story = Callable[[World], Awaitable[Any]]
"""Plays a history to its end and writes down with `World.find` what must not be."""
