"""Where the sender looks for due mails: behind what it has claimed, with a sweep now and then for what came late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chassis.testing.frozen_clock import FrozenClock
from notifier.ports import DueMail
from notifier.use_cases.due_window import DueWindow
from tests.notifier.unit.test_mail_writer import notice

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def due(at: datetime = NOON) -> DueMail:
    return replace(notice(), due_at=at)


def claim(window: DueWindow, clock: FrozenClock, seconds: float = 0.0) -> datetime | None:
    """From when on one claim looks, which takes so many seconds."""
    with window.claiming() as since:
        clock.advance(timedelta(seconds=seconds))
    return since


def test_the_first_claim_takes_whatever_is_due() -> None:
    """Nobody knows what was left behind before."""
    clock = FrozenClock()
    assert claim(DueWindow(clock), clock) is None


def test_the_next_claim_begins_shortly_before_the_last_mail() -> None:
    """What was committed a moment late is found, what was claimed long ago is not read again."""
    clock = FrozenClock()
    window = DueWindow(clock)
    claim(window, clock)
    window.claimed([due(), due(NOON - timedelta(hours=1))], all_domains=True)
    assert claim(window, clock) == NOON - timedelta(seconds=2)


def test_a_claim_without_a_mail_moves_nothing() -> None:
    """Nothing due behind the last mail says nothing about what comes late."""
    clock = FrozenClock()
    window = DueWindow(clock)
    claim(window, clock)
    window.claimed([due()], all_domains=True)
    window.claimed([], all_domains=True)
    assert claim(window, clock) == NOON - timedelta(seconds=2)


def test_a_second_later_everything_is_looked_for() -> None:
    """A row that was committed late waits no longer than that."""
    clock = FrozenClock()
    window = DueWindow(clock)
    claim(window, clock)
    window.claimed([due()], all_domains=True)
    clock.advance(timedelta(seconds=1))
    assert claim(window, clock) is None


def test_a_slow_sweep_takes_a_twentieth_of_the_time() -> None:
    """With a million dead rows a sweep of half a second comes every ten seconds."""
    clock = FrozenClock()
    window = DueWindow(clock)
    claim(window, clock, 0.5)
    window.claimed([due()], all_domains=True)
    clock.advance(timedelta(seconds=9.9))
    assert claim(window, clock) is not None
    clock.advance(timedelta(seconds=0.1))
    assert claim(window, clock) is None


def test_a_sender_that_slept_through_a_sweep_sweeps_again_soon() -> None:
    """Its own sleep (SIGSTOP, a frozen machine) is no reason to look for nothing late for twenty times as long."""
    clock = FrozenClock()
    window = DueWindow(clock)
    claim(window, clock, 3600)
    window.claimed([due()], all_domains=True)
    assert claim(window, clock) is not None
    clock.advance(timedelta(minutes=1))
    assert claim(window, clock) is None


def test_a_domain_that_was_left_out_is_looked_for_at_once() -> None:
    """Its mails are older than those that were taken past them."""
    clock = FrozenClock()
    window = DueWindow(clock)
    claim(window, clock)
    window.claimed([due()], all_domains=False)
    assert claim(window, clock) is None
