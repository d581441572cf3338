"""Consumer, relay and mailer in thousands of histories: nothing lost, nothing doubled, in order, drained."""

from itertools import chain

import pytest

from chassis.testing.simulation.explore import at_every_commit, at_every_step, by_chance, report
from tests.simulation.machines import MACHINES
from tests.simulation.scale import scale, seeds

WHOLE = ("consumer", "relay", "mailer")
pytestmark = pytest.mark.timeout(3600)


@pytest.mark.parametrize("machine", WHOLE)
def test_a_crash_before_any_step_is_outlived(machine: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a process was doing when it was killed, another one finishes it, once."""
    troubles = range(scale(machine).troubles)
    steps = (at_every_step(MACHINES[machine], seed=seed, every=scale(machine).every) for seed in troubles)
    found = report(machine, chain.from_iterable(steps))
    told(found.line(), capsys)
    found.assert_clean()
    assert found.crashes > 20


@pytest.mark.parametrize("machine", WHOLE)
def test_a_zombie_of_any_step_does_no_harm(machine: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A process that is stopped before any step, and goes on when others have taken over, finds that it is late."""
    troubles = range(scale(machine).troubles)
    steps = (at_every_step(MACHINES[machine], seed=seed, every=scale(machine).every, pause=True) for seed in troubles)
    found = report(machine, chain.from_iterable(steps))
    told(found.line(), capsys)
    found.assert_clean()
    assert found.pauses > 20


@pytest.mark.parametrize("machine", WHOLE)
def test_a_lost_commit_is_outlived(machine: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each one, before and after it took effect: who made it cannot tell, and does the right thing."""
    troubles = range(scale(machine).troubles)
    found = report(machine, (each for seed in troubles for each in at_every_commit(MACHINES[machine], seed=seed)))
    told(found.line(), capsys)
    found.assert_clean()
    assert found.histories > 6


@pytest.mark.parametrize("machine", WHOLE)
def test_trouble_and_crashes_by_chance_are_outlived(machine: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Outages, lost answers, lost sessions, rebalances, crashes and zombies, several in each history."""
    from_seed = seeds(machine)
    first = next(from_seed)
    found = report(machine, by_chance(MACHINES[machine], [first, *from_seed]))
    told(f"{found.line()}, from seed {first}", capsys)
    found.assert_clean()
    assert found.crashes + found.pauses > found.histories / 2


def told(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{line}", end="")  # noqa: T201 - figures and seeds are for people
