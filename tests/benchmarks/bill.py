"""The CPU bill: user and system time by process, children that come and go included."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

Seconds = dict[str, float]


@dataclass(frozen=True)
class Bill:
    """Which processes are paid for: by name, the pid whose whole family counts.

    The client is this process alone, as the servers may be its children. The children of a process in `inspecting` are
    an entry of their own: the workers that open PDFs for it.
    """

    pids: Mapping[str, int]
    inspecting: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> Seconds:
        """CPU seconds so far."""
        seconds: Seconds = {"client": own(psutil.Process(os.getpid()))}
        for name, pid in self.pids.items():
            process = psutil.Process(pid)
            seconds[name] = own(process)
            children = self.inspecting.get(name, name)
            seconds[children] = seconds.get(children, 0.0) + of_children(process)
        return seconds


def spent(before: Seconds, after: Seconds) -> Seconds:
    return {name: after[name] - before.get(name, 0.0) for name in after}


def own(process: psutil.Process) -> float:
    """User and system time of one process; none of one that is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def of_children(process: psutil.Process) -> float:
    """The same of its descendants: those that ended and were waited for, and those alive."""
    times = process.cpu_times()
    alive = process.children(recursive=True)
    return float(times.children_user + times.children_system) + sum(own(child) + ended(child) for child in alive)


def ended(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.children_user + times.children_system)
