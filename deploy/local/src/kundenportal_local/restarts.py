"""When to start again what exited: soon, at most 20 times a minute, then as soon as the minute has room again."""

from collections import deque

MOST_PER_MINUTE = 20
MINUTE = 60.0
LONGEST_DELAY = 2.0
FIRST_DELAY = 0.1
SHORT_LIFE = 5.0


class Restarts:
    """The restarts of one program."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._short_lives = 0

    def delay(self, now: float, lived: float) -> float:
        """Seconds to wait before the next start, given how long the last one lived; counts that start.

        Who dies young again and again waits longer, but below the three seconds within which a restart is promised,
        until the minute's restarts are used up.
        """
        self._short_lives = self._short_lives + 1 if lived < SHORT_LIFE else 0
        while self._times and now - self._times[0] >= MINUTE:
            self._times.popleft()
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self._short_lives, 10))
        if len(self._times) >= MOST_PER_MINUTE:
            delay = max(delay, self._times[-MOST_PER_MINUTE] + MINUTE - now)
        self._times.append(now + delay)
        return delay
