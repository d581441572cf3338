"""What is to happen in a history besides the work: who crashes or sleeps when, which commits are lost, whether there is trouble."""

import random
from dataclasses import dataclass

CRASHES = (0, 0, 1, 1, 1, 2, 2, 3, 5)
PAUSES = (0, 0, 0, 1, 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """A seed, and perhaps steps before which the process at work crashes or is paused, and commits that are lost.

    Steps and commits are counted over all processes. Seed 0 is calm: nothing goes wrong but what is named. Any other
    seed brings trouble of its own, and where nothing is named, crashes and pauses too. As text: "1234", "0@17" (a crash
    before step 17), "0@z40" (a pause: it sleeps), "0@b3" and "0@a3" (commit 3 is lost before, or after, it took effect).
    """

    seed: int
    crashes: tuple[int, ...] = ()
    pauses: tuple[int, ...] = ()
    lost_before: tuple[int, ...] = ()
    lost_after: tuple[int, ...] = ()
    drawn: bool = True
    """Whether the seed decides on crashes and pauses."""

    @classmethod
    def parse(cls, text: str) -> "Plan":
        """Raises ValueError for what is no plan."""
        seed, at, steps = text.partition("@")
        named: dict[str, list[int]] = {"": [], "z": [], "b": [], "a": []}
        for word in steps.split(","):
            if word:
                kind = word[0] if word[0] in named else ""
                named[kind].append(int(word.removeprefix(kind)))
        crashes, pauses, before, after = (tuple(places) for places in named.values())
        return cls(int(seed), crashes, pauses, before, after, drawn=not at)

    def __str__(self) -> str:
        if self.drawn:
            return str(self.seed)
        kinds = {"": self.crashes, "z": self.pauses, "b": self.lost_before, "a": self.lost_after}
        words = [f"{kind}{place}" for kind, places in kinds.items() for place in places]
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
