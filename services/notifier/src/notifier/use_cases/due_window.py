"""From when on the sender looks for what is due, so that the dead rows which a long snapshot keeps are not read at each claim."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from chassis.clock import Clock
from notifier.ports import DueMail

# A delivery may be committed, or handed back, after later ones were claimed. So every claim reaches back a little, and a
# sweep now and then takes all that is due; it takes a twentieth of the time, however much of it is dead. Once a minute
# there is one all the same: perhaps it was the sender that slept meanwhile, and only a sweep finds what is due once the
# clock was set back.
REACH_BACK = timedelta(seconds=2)
SWEEP_SECONDS, SWEEP_MOST_SECONDS = 1.0, 60.0
SWEEP_SHARE = 20


class DueWindow:
    """The state of one sender; its first claim is a sweep. Times are the database's, as far as rows are concerned."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._from: datetime | None = None
        self._sweep_at = clock.monotonic()

    @contextmanager
    def claiming(self) -> Iterator[datetime | None]:
        """Give the time from which on to claim, None for a sweep, and watch how long a sweep takes."""
        began = self._clock.monotonic()
        sweeping = self._from is None or began >= self._sweep_at
        yield None if sweeping else self._from
        if sweeping:
            ended = self._clock.monotonic()
            self._sweep_at = ended + min(SWEEP_MOST_SECONDS, max(SWEEP_SECONDS, SWEEP_SHARE * (ended - began)))

    def claimed(self, mails: Sequence[DueMail], *, all_domains: bool) -> None:
        """Move on behind these. What was left out for its domain is older: then the next claim is a sweep."""
        if not all_domains:
            self._from = None
        elif mails:
            self._from = max(mail.due_at for mail in mails) - REACH_BACK
