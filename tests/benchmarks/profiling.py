"""Where the time goes: cProfile over one lap, told by the functions that cost most with all they call, and by themselves."""

import cProfile
import pstats
import sys

LINES = 45


class Profiler:
    """Watches this process while a lap runs."""

    def __init__(self) -> None:
        self._profile = cProfile.Profile()

    def begin(self) -> None:
        self._profile.enable()

    def end(self) -> None:
        self._profile.disable()

    def tell(self, name: str) -> None:
        told(pstats.Stats(self._profile, stream=sys.stderr), name)


def told(stats: pstats.Stats, name: str) -> None:
    sys.stderr.write(f"\n== {name}\n")
    stats.strip_dirs()
    for order in ("cumulative", "tottime"):
        stats.sort_stats(order).print_stats(LINES)
