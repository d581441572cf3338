"""Compares what the portal does with a raw limit: rounds in turn (A B A B …), the median of the pairwise ratios.

Machines drift while they measure; a ratio of neighbours drifts little. Rates are for the eye, the ratio is the figure.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from types import TracebackType
from typing import Self

from tests.benchmarks.bill import Bill, Seconds, spent
from tests.benchmarks.profiling import Profiler

ROUNDS = 5


@dataclass
class Lap:
    """The timed part of a round: `with lap:` around the work, then `lap.units` says how much it was."""

    bill: Bill
    profiler: Profiler | None = None
    units: int = 0
    seconds: float = 0.0
    cpu: Seconds = field(default_factory=dict)
    _began: float = 0.0
    _before: Seconds = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._before = self.bill.read()
        if self.profiler is not None:
            self.profiler.begin()
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._began
        if self.profiler is not None:
            self.profiler.end()
        self.cpu = spent(self._before, self.bill.read())

    @property
    def rate(self) -> float:
        return self.units / self.seconds


Round = Callable[[Lap], Awaitable[None]]


@dataclass
class Comparison:
    """The laps of both sides, pair by pair."""

    name: str
    beside: str
    goal: float
    raw: list[Lap] = field(default_factory=list)
    ours: list[Lap] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [ours.rate / raw.rate for ours, raw in zip(self.ours, self.raw, strict=True)]

    def row(self) -> str:
        ratio, rates = median(self.ratios), [median(lap.rate for lap in side) for side in (self.raw, self.ours)]
        return (
            f"| {self.name} | {self.beside} | {rates[0]:,.0f}/s | {rates[1]:,.0f}/s | {ratio:.2f} "
            f"({min(self.ratios):.2f}–{max(self.ratios):.2f}) | ≥ {self.goal} | "
            f"{'reached' if ratio >= self.goal else 'not reached'} |"
        )

    def bills(self) -> list[str]:
        return [
            f"| {self.name} | {side} | {bill_of(laps)} |" for side, laps in (("raw", self.raw), ("ours", self.ours))
        ]


HEAD = "| what | beside it | raw | ours | ratio (least–most) | goal | |\n| --- | --- | --- | --- | --- | --- | --- |"
BILL_HEAD = "| CPU ms a unit | side | by process |\n| --- | --- | --- |"


def bill_of(laps: list[Lap]) -> str:
    """CPU milliseconds of one unit: the sum, then by process, the most expensive first."""
    units = sum(lap.units for lap in laps)
    names = {name for lap in laps for name in lap.cpu}
    cost = {name: 1000 * sum(lap.cpu.get(name, 0.0) for lap in laps) / units for name in names}
    parts = sorted(cost.items(), key=lambda part: -part[1])
    return f"**{sum(cost.values()):.3f}** = " + " + ".join(f"{name} {one:.3f}" for name, one in parts if one >= 0.0005)


async def compare(
    comparison: Comparison,
    raw: Round,
    ours: Round,
    bill: Bill,
    *,
    rounds: int = ROUNDS,
    profiler: Profiler | None = None,
) -> Comparison:
    """One warm-up of each, then `rounds` pairs; only ours is profiled, in one further lap that does not count."""
    await raw(Lap(bill))
    await ours(Lap(bill))
    for _ in range(rounds):
        for work, laps in ((raw, comparison.raw), (ours, comparison.ours)):
            lap = Lap(bill)
            await work(lap)
            laps.append(lap)
    if profiler is not None:
        await ours(Lap(bill, profiler))
        profiler.tell(comparison.name)
    return comparison
