"""Where the relay reads next, so that rows committed late are found and dead ones are not read again and again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chassis.clock import Clock
from chassis.outbox.held import Waiting

# A row may be committed after rows with higher ids. So every read reaches back by this many ids, and a sweep now and
# then reads from the start; it takes a twentieth of the time, however many dead rows a long snapshot keeps. Once a minute
# there is one all the same: perhaps it was the relay that slept meanwhile.
REACH_BACK = 2000
SWEEP_SECONDS, SWEEP_MOST_SECONDS = 1.0, 60.0
SWEEP_SHARE = 20


class Progress:
    """The state of one active relay; a new one begins with a sweep."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._highest = 0
        self._sweeping = False
        self._sweep_at = clock.monotonic()

    @contextmanager
    def reading(self) -> Iterator[int]:
        """Give the id after which to read, and watch how long a sweep takes."""
        began = self._clock.monotonic()
        self._sweeping = began >= self._sweep_at
        yield 0 if self._sweeping else max(0, self._highest - REACH_BACK)
        if self._sweeping:
            ended = self._clock.monotonic()
            self._sweep_at = ended + min(SWEEP_MOST_SECONDS, max(SWEEP_SECONDS, SWEEP_SHARE * (ended - began)))

    def forgotten(self, rows: Sequence[Waiting]) -> None:
        self._highest = max(self._highest, *(row.id for row in rows))

    def sweep_next(self) -> None:
        """What was read is still there: begin at the start."""
        self._sweep_at = self._clock.monotonic()
