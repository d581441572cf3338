"""When a program that exited is started again."""

from kundenportal_local.restarts import LONGEST_DELAY, MOST_PER_MINUTE, Restarts


def test_a_kill_is_answered_at_once() -> None:
    """What lived for a while is started again within a fraction of a second."""
    assert Restarts().delay(now=100.0, lived=60.0) <= 0.1


def test_twenty_restarts_a_minute_stay_within_three_seconds() -> None:
    """Even what dies right after each start is started again within the promised time, twenty times."""
    restarts, now = Restarts(), 0.0
    for _ in range(MOST_PER_MINUTE):
        delay = restarts.delay(now, lived=0.1)
        assert delay <= LONGEST_DELAY
        now += delay + 0.1


def test_the_twenty_first_waits_for_room_in_the_minute() -> None:
    """More than twenty restarts in a minute are not made: the next one waits until the first is a minute old."""
    restarts = Restarts()
    made = [restarts.delay(now=float(second), lived=60.0) + second for second in range(MOST_PER_MINUTE)]
    assert restarts.delay(now=20.0, lived=60.0) == made[0] + 60.0 - 20.0


def test_the_limit_holds_for_every_minute() -> None:
    """A program that always dies at once is never started more than twenty times within any sixty seconds."""
    restarts, now, starts = Restarts(), 0.0, []
    for _ in range(100):
        now += restarts.delay(now, lived=0.0)
        starts.append(now)
    assert all(later - earlier >= 59.99 for earlier, later in zip(starts, starts[MOST_PER_MINUTE:], strict=False))


def test_a_long_life_forgives() -> None:
    """After a life of its own a program is restarted as fast as the first time."""
    restarts = Restarts()
    for second in range(8):
        restarts.delay(now=float(second), lived=0.1)
    assert restarts.delay(now=500.0, lived=400.0) <= 0.1
