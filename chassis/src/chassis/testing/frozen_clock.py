"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

DEFAULT_NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class FrozenClock:
    """A `Clock` for tests: `now` is aware and in UTC, `monotonic` counts seconds; both move by `advance`.

    Raises ValueError for a beginning without a time zone.
    """

    def __init__(self, now: datetime = DEFAULT_NOW, *, monotonic: float = 1000.0) -> None:
        if now.tzinfo is None:
            message = "a clock's time needs a time zone"
            raise ValueError(message)
        self._now = now.astimezone(UTC)
        self._monotonic = monotonic

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Let time pass: both clocks go on by the same amount."""
        if by < timedelta(0):
            message = "time passes forwards; a wall clock that is set back is jump()"
            raise ValueError(message)
        self._now += by
        self._monotonic += by.total_seconds()

    def jump(self, by: timedelta) -> None:
        """Set the wall clock, forwards or back; no time passes on the monotonic clock."""
        self._now += by
