"""How many histories are played: few with every run of the unit tests, many where faults are looked for at length."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

LONG = os.environ.get("KUNDENPORTAL_FAULTS") == "long"


@dataclass(frozen=True, slots=True)
class Scale:
    """`every`: at each so many steps a history of its own, for `troubles` seeds, calm first. `seeds`: how many by chance."""

    every: int
    seeds: int
    troubles: int = 1


def scale(machine: str) -> Scale:
    if LONG:
        return {
            "consumer": Scale(1, 10_000, 10),
            "relay": Scale(1, 10_000, 10),
            "mailer": Scale(2, 5_000, 5),
        }[machine]
    return {"consumer": Scale(3, 40), "relay": Scale(2, 40), "mailer": Scale(7, 20)}[machine]


def seeds(machine: str) -> Iterator[int]:
    """The same ones at every short run; at a long one others each time, unless KUNDENPORTAL_FAULTS_SEED says where to begin."""
    named = os.environ.get("KUNDENPORTAL_FAULTS_SEED")
    first = int(named) if named else 1 + (secrets.randbelow(10**9) if LONG else 0)
    return iter(range(first, first + scale(machine).seeds))
