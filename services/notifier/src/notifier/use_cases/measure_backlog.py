"""Tells the metrics how much waits and how late the oldest is."""

from collections.abc import Awaitable, Callable

from notifier import metrics
from notifier.domain import Backlog, State

TRIED_BY_THEMSELVES = (State.QUEUED, State.DELAYED, State.UNKNOWN)


class MeasureBacklog:
    """A job. A state that nothing waits in is shown as 0."""

    def __init__(self, count: Callable[[], Awaitable[Backlog]]) -> None:
        self._count = count

    async def __call__(self) -> None:
        backlog = await self._count()
        for state in TRIED_BY_THEMSELVES:
            metrics.WAITING.labels(state.value).set(backlog.waiting.get(state, 0))
        metrics.OLDEST_DUE.set(backlog.oldest_due_seconds)
