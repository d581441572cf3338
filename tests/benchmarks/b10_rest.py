"""B10: the memory of the four services at rest, and the seconds from `make run` to ready when it ran before.

The goal is judged by the proportional set size, in which what the four share (the code of the interpreter and of the
libraries) counts once: it is what they take of the machine together. Resident memory, where it counts four times, is told
beside it.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.fixtures.portal import Portal, running_portal

SERVICES = ("identity", "documents", "notifier", "gateway")
GOAL_MEGABYTES, GOAL_SECONDS = 400, 15
REST_SECONDS = 15


@dataclass(frozen=True)
class Rest:
    """What was seen; sizes in megabytes (10^6 bytes)."""

    ready_seconds: float
    resident: dict[str, float]
    proportional: dict[str, float]

    def rows(self) -> list[str]:
        total, shared_once = sum(self.resident.values()), sum(self.proportional.values())
        parts = ", ".join(f"{name} {size:.0f}" for name, size in self.resident.items())
        memory = f"{shared_once:.0f} MB; resident, what they share counted four times, {total:.0f} MB ({parts})"
        return [
            f"| B10 four services at rest | {memory} | < {GOAL_MEGABYTES} MB | {_reached(shared_once < GOAL_MEGABYTES)} |",
            (
                f"| B10 `make run` to ready, second start | {self.ready_seconds:.1f} s | < {GOAL_SECONDS} s "
                f"| {_reached(self.ready_seconds < GOAL_SECONDS)} |"
            ),
        ]


HEAD = "| what | seen | goal | |\n| --- | --- | --- | --- |"


def measure(folder: Path) -> Rest:
    """A first start for what only a first start does; then the one that counts."""
    with running_portal(folder):
        pass
    began = time.monotonic()
    with running_portal(folder) as portal:
        ready = time.monotonic() - began
        time.sleep(REST_SECONDS)
        return Rest(ready, *sizes(portal))


def sizes(portal: Portal) -> tuple[dict[str, float], dict[str, float]]:
    """Resident and proportional, by service, its children included."""
    resident, proportional = {}, {}
    for name in SERVICES:
        process = psutil.Process(portal.stack["processes"][name])
        family = [one.memory_full_info() for one in (process, *process.children(recursive=True))]
        resident[name] = sum(one.rss for one in family) / 1e6
        proportional[name] = sum(one.pss for one in family) / 1e6
    return resident, proportional


def _reached(so: bool) -> str:
    return "reached" if so else "not reached"
