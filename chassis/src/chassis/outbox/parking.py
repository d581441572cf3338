"""What the relay leaves out for a while, so that rows which cannot go out hold up no others."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chassis.clock import Clock
from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.messaging.producer import Answer
from chassis.outbox.held import LeftOut, Waiting

UNANSWERED_SECONDS = (0.2, 3.0)
# Everything else waits for as long as a send of it takes, so where others are answered it is not tried as often.
ALONE_UNANSWERED_SECONDS = (10.0, 30.0)
NO_TOPIC_SECONDS = (1.0, 30.0)
REFUSED_SECONDS = (60.0, 3600.0)
MOST_ROWS = 10_000

log = get_logger()

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Pause:
    until: float
    seconds: float


class _Pauses(Generic[K]):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pauses: dict[K, _Pause] = {}

    def prolong(self, key: K, bounds: tuple[float, float]) -> None:
        """Leave it out, twice as long as the last time, within these bounds."""
        first, most = bounds
        before = self._pauses.get(key)
        seconds = max(first, min(most, before.seconds * 2)) if before else first
        self._pauses[key] = _Pause(self._clock.monotonic() + seconds, seconds)

    def end(self, key: K) -> None:
        self._pauses.pop(key, None)

    def __len__(self) -> int:
        return len(self._pauses)

    def running(self) -> Iterator[tuple[K, float]]:
        now = self._clock.monotonic()
        return ((key, pause.until - now) for key, pause in self._pauses.items() if pause.until > now)


class Parking:
    """A topic that is missing, closed or does not answer waits as a whole, which keeps its order; a refused row waits alone.

    Where nobody answers, the broker is away, and each topic is tried again within 3 s. A topic that fails again while
    others were answered is tried every 30 s in the end.
    """

    def __init__(self, clock: Clock) -> None:
        self._topics: _Pauses[str] = _Pauses(clock)
        self._rows: _Pauses[int] = _Pauses(clock)
        self._others_answered: dict[str, bool] = {}
        """Of each topic that did not answer: whether another one did since."""

    def left_out(self) -> LeftOut:
        return LeftOut(
            topics=tuple(topic for topic, _ in self._topics.running()),
            ids=tuple(id_ for id_, _ in self._rows.running()),
        )

    def seconds_left(self, most: float) -> float:
        """Until the first of them is tried again, at most `most`."""
        lefts = [left for _, left in (*self._topics.running(), *self._rows.running())]
        return min([most, *lefts])

    def judge(self, rows: Sequence[Waiting], answers: Sequence[Answer | bool]) -> None:
        """Learn from the answers of one round."""
        told: dict[str, set[Answer]] = {}
        for row, answer in zip(rows, answers, strict=True):
            said = answer if isinstance(answer, Answer) else Answer.ACKNOWLEDGED if answer else Answer.UNKNOWN
            told.setdefault(row.message.topic, set()).add(said)
            if said is Answer.REFUSED:
                self._refused(row)
            elif said is Answer.ACKNOWLEDGED:
                self._rows.end(row.id)
        self._judge_topics(told)

    def _refused(self, row: Waiting) -> None:
        metrics.OUTBOX_REFUSED.labels(row.message.topic).inc()
        log.error("outbox_row_refused", id=row.id, topic=row.message.topic)
        if len(self._rows) < MOST_ROWS:
            self._rows.prolong(row.id, REFUSED_SECONDS)

    def _judge_topics(self, told: Mapping[str, set[Answer]]) -> None:
        answered = {topic for topic, said in told.items() if Answer.ACKNOWLEDGED in said}
        for topic in self._others_answered:
            self._others_answered[topic] |= bool(answered - {topic})
        for topic, said in told.items():
            alone = self._others_answered.pop(topic, False)
            if Answer.NO_TOPIC in said:
                self._topics.prolong(topic, NO_TOPIC_SECONDS)
            elif Answer.UNKNOWN in said:
                self._topics.prolong(topic, ALONE_UNANSWERED_SECONDS if alone else UNANSWERED_SECONDS)
                self._others_answered[topic] = False
            else:
                self._topics.end(topic)
