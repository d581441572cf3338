"""Where records go that nothing can be done with: their own bytes, and why."""

import asyncio
from collections.abc import Sequence

from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.messaging.clients import Message
from chassis.messaging.producer import NotSent, Producer, producer
from chassis.messaging.subscriptions import DeadLetter
from chassis.settings import KafkaSettings
from kundenportal_contracts.topics import dead_letters

log = get_logger()


class DeadLetters:
    """The dead letters of one service. One consumer writes them, batch by batch."""

    def __init__(self, kafka: KafkaSettings, service: str, *, sender: Producer | None = None) -> None:
        self._topic = dead_letters(service).name
        self._producer = sender or producer(kafka, client_id=f"{service}-dead-letters")
        self._writing = asyncio.Lock()

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        """Return when the broker has them all, else raise NotSent; repeating it may write some of them twice."""
        async with self._writing:
            acknowledged = await self._producer.send([as_message(letter, self._topic) for letter in letters])
        if not all(acknowledged):
            raise NotSent(f"{acknowledged.count(False)} of {len(letters)} dead letters")
        for letter in letters:
            metrics.DEAD_LETTERS.labels(letter.record.topic, letter.reason).inc()
            log.warning(
                "dead_letter_written",
                topic=letter.record.topic,
                partition=letter.record.partition,
                offset=letter.record.offset,
                reason=letter.reason,
                detail=letter.detail,
            )

    async def close(self) -> None:
        await self._producer.close()


def as_message(letter: DeadLetter, topic: str) -> Message:
    """Original key, value and headers, followed by dlq_reason, dlq_topic, dlq_partition and dlq_offset.

    A record without key and value, which the client refuses to write, gets an empty key.
    """
    record = letter.record
    told = {
        "dlq_reason": letter.reason,
        "dlq_topic": record.topic,
        "dlq_partition": str(record.partition),
        "dlq_offset": str(record.offset),
    }
    key = b"" if record.key is None and record.value is None else record.key
    return Message(topic, key, record.value, (*record.headers, *((name, text.encode()) for name, text in told.items())))
