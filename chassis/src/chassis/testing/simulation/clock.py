"""The clocks of a simulation: both follow the loop's virtual time."""

from datetime import datetime, timedelta

from chassis.testing.frozen_clock import DEFAULT_NOW
from chassis.testing.simulation.loop import SimulatedLoop


class SimulatedClock:
    """A `Clock` that stands still while code runs and moves on while everybody waits."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._began = DEFAULT_NOW

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return 1000.0 + self._loop.time()

    def jump(self, by: timedelta) -> None:
        """Set the wall clock, forwards or back; the monotonic clock does not notice."""
        self._began += by
