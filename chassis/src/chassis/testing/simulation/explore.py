"""Playing histories: one with a crash before each single step, and as many as wanted by chance."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from chassis.testing.simulation.loop import Stuck
from chassis.testing.simulation.plan import Plan
from chassis.testing.simulation.world import HORIZON, Story, World


@dataclass(frozen=True, slots=True)
class History:
    """What was played and found. `steps` are those before the healing, `seconds` virtual."""

    plan: Plan
    findings: tuple[str, ...]
    steps: int
    crashes: int
    pauses: int
    commits: int
    seconds: float
    trace: tuple[tuple[float, str, str], ...] = field(repr=False)

    def told(self) -> str:
        """The whole history, one line for each thing noted."""
        return "\n".join(f"{at:9.3f} s  {who:12}  {what}" for at, who, what in self.trace)


@dataclass(slots=True)
class Report:
    """What some histories of one machine came to. `seconds` are real ones."""

    machine: str
    histories: int = 0
    crashes: int = 0
    pauses: int = 0
    seconds: float = 0.0
    failed: list[History] = field(default_factory=list)

    @property
    def per_minute(self) -> float:
        return 60 * self.histories / self.seconds if self.seconds else 0.0

    def line(self) -> str:
        return (
            f"{self.machine}: {self.histories} histories with {self.crashes} crashes and {self.pauses} pauses in {self.seconds:.1f} s "
            f"({self.per_minute:.0f} a minute), {len(self.failed)} failed"
        )

    def assert_clean(self) -> None:
        """Raise AssertionError with the findings of the first failures and how to see them again."""
        if self.failed:
            lines = [
                f"  plan {history.plan}: {'; '.join(history.findings)}\n"
                f"    again: python -m tests.simulation {self.machine} {history.plan}"
                for history in self.failed[:5]
            ]
            raise AssertionError("\n".join([self.line(), *lines]))


def play(story: Story, plan: Plan, *, horizon: int = HORIZON) -> History:
    """Play one history; what it never came to is a finding, too."""
    world = World(plan, horizon=horizon)

    async def told() -> None:
        try:
            await story(world)
        except Stuck as stuck:
            world.find(str(stuck))

    try:
        world.loop.run(told())
    except Stuck as stuck:
        world.find(str(stuck))
    findings = (*world.findings, *world.loop.complaints)
    counts = world.steps, world.crashes, world.pauses, world.commits
    return History(plan, findings, *counts, world.loop.time(), tuple(world.trace))


def at_every_step(story: Story, *, seed: int = 0, every: int = 1, pause: bool = False) -> Iterator[History]:
    """One history for each step, or each so many: before it the process at work crashes, or is paused.

    The first history has neither; the last one ends before its step is reached.
    """
    yield play(story, Plan.parse(f"{seed}@"))
    for step in count(1, every):
        history = play(story, Plan.parse(f"{seed}@{'z' if pause else ''}{step}"))
        yield history
        if history.steps < step:
            return


def at_every_commit(story: Story, *, seed: int = 0) -> Iterator[History]:
    """Two histories for each commit: it is lost before it took effect, and after."""
    for number in count(1):
        for when in "ba":
            history = play(story, Plan.parse(f"{seed}@{when}{number}"))
            yield history
        if history.commits < number:
            return


def by_chance(story: Story, seeds: Iterable[int], *, horizon: int = HORIZON) -> Iterator[History]:
    """One history for each seed, with trouble and crashes of its own."""
    for seed in seeds:
        yield play(story, Plan(seed), horizon=horizon)


def report(machine: str, histories: Iterable[History], *, most_failures: int = 20) -> Report:
    """Play them all, or up to so many failures, and count."""
    result, began = Report(machine), time.perf_counter()
    for history in histories:
        result.histories += 1
        result.crashes += history.crashes
        result.pauses += history.pauses
        if history.findings:
            result.failed.append(history)
            if len(result.failed) >= most_failures:
                break
    result.seconds = time.perf_counter() - began
    return result
