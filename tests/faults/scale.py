"""How much each fault does: the short form for every test run, the long form that docs/promises.md speaks of."""

import os
import random
from dataclasses import dataclass

LONG = os.environ.get("KUNDENPORTAL_FAULTS") == "long"
TIMEOUT_SECONDS = 7200 if LONG else 180
"""For pytest.mark.timeout: a bound for what hangs, far above what a run takes."""


@dataclass(frozen=True)
class Scale:
    """`rounds` are kills, restarts or repetitions (under kills the load lasts as long as they do); `seconds` is how long a fault lasts where it lasts."""

    documents: int
    per_second: float
    rounds: int = 0
    seconds: float = 0.0


SHORT_FORMS = {
    "f01": Scale(documents=0, per_second=20, rounds=8),
    "f02": Scale(documents=0, per_second=8, rounds=4),
    "f03": Scale(documents=500, per_second=8, rounds=9),
    "f04": Scale(documents=80, per_second=8, seconds=7),
    "f05": Scale(documents=60, per_second=15, rounds=1, seconds=2),
    "f06": Scale(documents=60, per_second=15, rounds=2, seconds=4),
    "f07": Scale(documents=60, per_second=20, rounds=4),
    "f08": Scale(documents=60, per_second=20, seconds=7),
    "f11": Scale(documents=40, per_second=40, rounds=1),
    "f12": Scale(documents=10, per_second=40, rounds=300),
    "f13": Scale(documents=60, per_second=0, rounds=400),
    "f16": Scale(documents=60, per_second=20, seconds=3),
    "f18": Scale(documents=20, per_second=20, seconds=60),
}
LONG_FORMS = {
    "f01": Scale(documents=0, per_second=20, rounds=200),
    "f02": Scale(documents=0, per_second=8, rounds=100),
    "f03": Scale(documents=9_000, per_second=15, rounds=120),
    "f04": Scale(documents=900, per_second=15, seconds=30),
    "f05": Scale(documents=3_000, per_second=5, rounds=1, seconds=600),
    "f06": Scale(documents=3_000, per_second=10, rounds=15, seconds=20),
    "f07": Scale(documents=1_000, per_second=20, rounds=40),
    "f08": Scale(documents=600, per_second=20, seconds=30),
    "f11": Scale(documents=1_000, per_second=40, rounds=12),
    "f12": Scale(documents=100, per_second=40, rounds=1_000),
    "f13": Scale(documents=4_000, per_second=0, rounds=100_000),
    "f16": Scale(documents=6_000, per_second=10, seconds=600),
    "f18": Scale(documents=50, per_second=20, seconds=60),
}


def scale(fault: str) -> Scale:
    """The numbers of one fault in the form that was asked for; KUNDENPORTAL_FAULTS_ROUNDS takes a part of the rounds."""
    chosen = (LONG_FORMS if LONG else SHORT_FORMS)[fault]
    rounds = int(os.environ.get("KUNDENPORTAL_FAULTS_ROUNDS") or chosen.rounds)
    if rounds == chosen.rounds:
        return chosen
    share = rounds / max(1, chosen.rounds)
    return Scale(max(1, round(chosen.documents * share)), chosen.per_second, rounds, chosen.seconds)


def seed() -> int:
    """A new one each time, or the one that KUNDENPORTAL_FAULTS_SEED repeats."""
    given = os.environ.get("KUNDENPORTAL_FAULTS_SEED")
    return int(given) if given else random.SystemRandom().randrange(10**6)
