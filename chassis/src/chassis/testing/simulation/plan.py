"""What is to happen in a history besides the work: at which steps a process crashes or sleeps, and whether there is trouble."""

import random
from dataclasses import dataclass

CRASHES = (0, 0, 1, 1, 1, 2, 2, 3, 5)
PAUSES = (0, 0, 0, 1, 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """A seed, and perhaps the steps before which the process at work crashes or is paused, counted over all processes.

    Seed 0 is calm: nothing goes wrong but what is named. Any other seed brings trouble of its own, and where no steps
    are named, crashes and pauses too. As text: "1234", "0@17", "1234@17,z40" (z for a pause: it sleeps).
    """

    seed: int
    crashes: tuple[int, ...] = ()
    pauses: tuple[int, ...] = ()
    drawn: bool = True
    """Whether the seed decides on crashes and pauses."""

    @classmethod
    def at(cls, seed: int, *, crash: int | None = None, pause: int | None = None) -> "Plan":
        """One crash or one pause, and no other."""
        return cls(seed, (crash,) if crash else (), (pause,) if pause else (), drawn=False)

    @classmethod
    def parse(cls, text: str) -> "Plan":
        """Raises ValueError for what is no plan."""
        seed, at, steps = text.partition("@")
        words = [word for word in steps.split(",") if word]
        crashes = tuple(int(word) for word in words if not word.startswith("z"))
        pauses = tuple(int(word[1:]) for word in words if word.startswith("z"))
        return cls(int(seed), crashes, pauses, drawn=not at)

    def __str__(self) -> str:
        if self.drawn:
            return str(self.seed)
        words = [*(str(step) for step in self.crashes), *(f"z{step}" for step in self.pauses)]
        return f"{self.seed}@{','.join(words)}"

    @property
    def calm(self) -> bool:
        return self.seed == 0

    def steps(self, horizon: int) -> tuple[frozenset[int], frozenset[int]]:
        """The steps before which the process at work crashes, and is paused; those drawn lie within `horizon`."""
        if self.calm or not self.drawn:
            return frozenset(self.crashes), frozenset(self.pauses)
        chance = random.Random(f"crashes of {self.seed}")  # noqa: S311 - chance that can be repeated
        crashes, pauses = (
            frozenset(chance.randint(1, horizon) for _ in range(chance.choice(many))) for many in (CRASHES, PAUSES)
        )
        return crashes, pauses
