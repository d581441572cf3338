from collections.abc import Sequence

import pytest

from chassis.messaging.bisect import bisect
from chassis.messaging.retry import TryAgain


class Bench:
    """Applies numbers; those in `poison` fail together with whatever is attempted beside them."""

    def __init__(self, poison: set[int], passing: dict[int, int] | None = None) -> None:
        self.poison = poison
        self.passing = passing or {}
        self.done: list[int] = []
        self.buried: list[int] = []
        self.attempts = 0

    async def attempt(self, numbers: Sequence[int]) -> None:
        self.attempts += 1
        for number in numbers:
            if number in self.poison:
                raise ValueError(number)
            if self.passing.get(number, 0):
                self.passing[number] -= 1
                raise TryAgain(number)
        self.done += numbers

    def bury(self, number: int, _error: Exception) -> None:
        self.buried.append(number)


async def test_nothing_is_attempted_for_nothing() -> None:
    """An empty batch makes no transaction."""
    bench = Bench(set())
    await bisect([], bench.attempt, bench.bury)
    assert bench.attempts == 0


async def test_one_attempt_where_all_is_well() -> None:
    """A batch without poison is one transaction."""
    bench = Bench(set())
    await bisect(range(100), bench.attempt, bench.bury)
    assert (bench.attempts, bench.done) == (1, list(range(100)))


@pytest.mark.parametrize("poison", [{0}, {99}, {50}, {0, 99}, {3, 4, 5}, set(range(100)), {7, 77}])
async def test_the_poison_is_buried_and_all_else_takes_effect_in_order(poison: set[int]) -> None:
    """Each poison record ends up alone, every other one is applied once, in order."""
    bench = Bench(poison)
    await bisect(range(100), bench.attempt, bench.bury)
    assert bench.buried == sorted(poison)
    assert bench.done == [number for number in range(100) if number not in poison]


async def test_one_poison_record_among_many_takes_few_attempts() -> None:
    """The number of transactions grows with the logarithm of the batch."""
    bench = Bench({311})
    await bisect(range(500), bench.attempt, bench.bury)
    assert bench.attempts <= 20


async def test_passing_trouble_in_the_midst_of_bisecting_keeps_what_was_done() -> None:
    """What took effect stays so, what follows the trouble has not been touched."""
    bench = Bench({2}, {5: 1})
    with pytest.raises(TryAgain):
        await bisect(range(8), bench.attempt, bench.bury)
    assert bench.done == [0, 1, 3]
    assert bench.buried == [2]
