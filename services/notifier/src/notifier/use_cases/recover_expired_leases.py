"""Takes back what a sender left behind when it died, and lets go of what ran out of time."""

from chassis.clock import Clock
from chassis.logs import get_logger
from chassis.telemetry import following
from notifier import metrics
from notifier.ports import Begin
from notifier.use_cases.take_once import headers_of
from notifier.use_cases.tell_outcome import LOG_WORDS, settled_event

log = get_logger()


class RecoverExpiredLeases:
    """A job: sending goes back to the queue, dot_pending becomes unknown, expired secrets are dropped."""

    def __init__(self, begin: Begin, clock: Clock) -> None:
        self._begin = begin
        self._clock = clock

    async def __call__(self) -> None:
        async with self._begin() as work:
            lost = await work.deliveries.release_expired_leases()
            expired = await work.deliveries.expire_credentials()
            await work.documents.stop_waiting()
            now = self._clock.now()
            events = [event for each in (*lost, *expired) if (event := settled_event(each, now))]
            await work.outbox.add_all(events)
        for each in (*lost, *expired):
            metrics.OUTCOMES.labels(each.state.value).inc()
            with following(headers_of(each.trace)):
                log.warning(
                    LOG_WORDS[each.state], delivery_id=str(each.delivery_id), purpose=each.purpose, reason=each.reason
                )
