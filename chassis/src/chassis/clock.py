"""Time as a dependency: wall clock for facts, monotonic clock for durations, both held still in tests."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Read the wall clock, aware, in UTC. It may jump; never subtract two of its readings to wait or to time out."""
        ...

    def monotonic(self) -> float:
        """Count seconds from an arbitrary point; never goes backwards, whatever happens to the wall clock."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
