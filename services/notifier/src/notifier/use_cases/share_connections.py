"""Shares the connections among the recipients' domains, so that a slow one slows no other.

A domain starts with few mails at a time and earns more by being fast. A mail that takes long moves to a second lane
and frees its place; while a domain is slow it has few places, all of them there.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

SLOW_AFTER_SECONDS = 1.0
FIRST_ALLOWANCE = 2
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Run:
    domain: str
    started: float
    aside: bool


class Lanes:
    def __init__(self, width: int) -> None:
        """`width` mails at a time, and as many slow ones beside them."""
        self._width = width
        self._when_slow = max(1, width // 4)
        self._runs: dict[Hashable, _Run] = {}
        self._in_flight: Counter[str] = Counter()
        self._allowance: dict[str, int] = {}
        self._slow: set[str] = set()

    @property
    def free(self) -> int:
        return self._width - sum(not run.aside for run in self._runs.values())

    def admit(self, key: Hashable, domain: str, now: float) -> bool:
        """Take a place for this mail, where there is one for its domain."""
        aside = domain in self._slow
        if self._in_flight[domain] >= self.allowance(domain) or not (self._room_aside if aside else self.free):
            return False
        self._runs[key] = _Run(domain, now, aside)
        self._in_flight[domain] += 1
        return True

    def leave(self, key: Hashable, now: float) -> None:
        run = self._runs.pop(key)
        self._in_flight[run.domain] -= 1
        if not self._in_flight[run.domain]:
            del self._in_flight[run.domain]
        if now - run.started > SLOW_AFTER_SECONDS:
            self._slow_down(run.domain)
        else:
            self._slow.discard(run.domain)
            self._allowance[run.domain] = min(self.allowance(run.domain) * 2, self._width)
        if len(self._allowance) > MOST_REMEMBERED:
            self._allowance = dict.fromkeys(self._slow, self._when_slow)

    def overlook(self, now: float) -> None:
        """Move aside what takes long, as far as there is room."""
        for run in self._runs.values():
            if not run.aside and now - run.started > SLOW_AFTER_SECONDS:
                self._slow_down(run.domain)
                run.aside = self._room_aside > 0

    def allowance(self, domain: str) -> int:
        return self._allowance.get(domain, min(FIRST_ALLOWANCE, self._width))

    @property
    def _room_aside(self) -> int:
        return self._width - sum(run.aside for run in self._runs.values())

    def _slow_down(self, domain: str) -> None:
        self._slow.add(domain)
        self._allowance[domain] = self._when_slow
