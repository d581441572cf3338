"""Clocks: the real one is aware and steady, the frozen one moves when told."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.clock import Clock, SystemClock
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.simulation.clock import SimulatedClock
from chassis.testing.simulation.loop import SimulatedLoop


@pytest.mark.parametrize("clock", [SystemClock(), FrozenClock(), SimulatedClock(SimulatedLoop(1))])  # type: ignore[abstract] # what is missing is not supported
def test_every_clock_is_aware_and_steady(clock: Clock) -> None:
    """Its time is in UTC, and its seconds never run backwards."""
    assert clock.now().tzinfo == UTC
    assert clock.now() <= clock.now()
    assert clock.monotonic() <= clock.monotonic()


def test_time_passes_on_both_clocks() -> None:
    """Advancing moves the wall clock and the monotonic one alike; setting the wall clock moves it alone."""
    clock = FrozenClock(datetime(2026, 12, 1, 9, tzinfo=UTC))
    before = clock.monotonic()
    clock.advance(timedelta(seconds=90))
    assert (clock.now(), clock.monotonic() - before) == (datetime(2026, 12, 1, 9, 1, 30, tzinfo=UTC), 90)
    clock.jump(timedelta(hours=-1))
    assert (clock.now().hour, clock.monotonic() - before) == (8, 90)


def test_a_frozen_clock_refuses_nonsense() -> None:
    """A time without a zone and time that passes backwards are mistakes of the test."""
    with pytest.raises(ValueError, match="time zone"):
        FrozenClock(datetime(2026, 12, 1, 9))  # noqa: DTZ001 - the mistake under test
    with pytest.raises(ValueError, match="forwards"):
        FrozenClock().advance(timedelta(seconds=-1))
