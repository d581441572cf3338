"""What is to happen in a history besides the work: at which steps a process crashes, and whether there is trouble."""

import random
from dataclasses import dataclass

CRASHES = (0, 1, 1, 1, 2, 2, 3, 5)


@dataclass(frozen=True, slots=True)
class Plan:
    """A seed, and perhaps the steps before which the process at work crashes, counted over all processes.

    Seed 0 is calm: nothing goes wrong but the crashes named. Any other seed brings trouble of its own, and where no
    steps are named, crashes too. As text: "1234", "0@17", "1234@17,40".
    """

    seed: int
    crashes: tuple[int, ...] | None = None

    @classmethod
    def parse(cls, text: str) -> "Plan":
        seed, at, steps = text.partition("@")
        return cls(int(seed), tuple(int(step) for step in steps.split(",") if step) if at else None)

    def __str__(self) -> str:
        if self.crashes is None:
            return str(self.seed)
        return f"{self.seed}@{','.join(str(step) for step in self.crashes)}"

    @property
    def calm(self) -> bool:
        return self.seed == 0

    def crash_steps(self, horizon: int) -> frozenset[int]:
        """The steps before which the process at work crashes; those drawn lie within `horizon`."""
        if self.crashes is not None:
            return frozenset(self.crashes)
        if self.calm:
            return frozenset()
        chance = random.Random(f"crashes of {self.seed}")  # noqa: S311 - chance that can be repeated
        return frozenset(chance.randint(1, horizon) for _ in range(chance.choice(CRASHES)))
