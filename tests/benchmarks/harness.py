"""Compares what the portal does with a raw limit: rounds in turn (A B A B …), the median of the pairwise ratios.

Machines drift while they measure; a ratio of neighbours drifts little. Rates are for the eye, the ratio is the figure.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median

import psutil

Round = Callable[[], Awaitable[int]]


@dataclass
class Comparison:
    """`raw` and `ours` are units per second by round; `cpu_ms` is the CPU bill of one unit of ours, by process."""

    name: str
    goal: float
    raw: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    cpu_ms: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return median(ours / raw for ours, raw in zip(self.ours, self.raw, strict=True))

    def row(self) -> str:
        verdict = "reached" if self.ratio >= self.goal else "not reached"
        bill = ", ".join(f"{name} {cost:.2f}" for name, cost in self.cpu_ms.items() if cost >= 0.01)
        return (
            f"| {self.name} | {median(self.raw):,.0f}/s | {median(self.ours):,.0f}/s | {self.ratio:.2f} "
            f"| ≥ {self.goal} {verdict} | {bill} |"
        )


async def compare(
    comparison: Comparison, raw: Round, ours: Round, processes: dict[str, int], rounds: int = 5
) -> Comparison:
    """One warm-up of each, then `rounds` pairs; a round returns how many units it did."""
    await raw()
    await ours()
    spent, units = dict.fromkeys(processes, 0.0), 0
    for _ in range(rounds):
        comparison.raw.append((await timed(raw))[0])
        before = cpu_seconds(processes)
        rate, done = await timed(ours)
        comparison.ours.append(rate)
        units += done
        after = cpu_seconds(processes)
        spent = {name: spent[name] + after[name] - before[name] for name in processes}
    comparison.cpu_ms = {name: 1000 * seconds / units for name, seconds in spent.items()}
    return comparison


async def timed(work: Round) -> tuple[float, int]:
    start = time.perf_counter()
    units = await work()
    return units / (time.perf_counter() - start), units


def cpu_seconds(processes: dict[str, int]) -> dict[str, float]:
    """User and system time of each process and its children so far."""
    return {name: sum(map(one_process, family(pid))) for name, pid in processes.items()}


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def one_process(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
