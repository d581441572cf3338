"""A connection for writing, with an end that is bounded."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from chassis.messaging.broker import MEBIBYTE, REQUEST_TIMEOUT_MS, cancel, ends_within, security
from chassis.settings import KafkaSettings

MAX_REQUEST_SIZE = 2 * MEBIBYTE
# The broker's limit of 1 MiB is on the batch; one message larger than this travels alone.
BATCH_BYTES = MEBIBYTE // 4
TOPIC_SECONDS = 3.0
REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError)
CLOSED = (TopicAuthorizationFailedError, UnknownTopicOrPartitionError)


@dataclass(frozen=True, slots=True)
class Message:
    """A record to be written; headers keep their order. Without a partition the key chooses it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class MessageRefused(Exception):
    """A message that cannot be written as it is: too large, or of what the client cannot encode."""


class TopicMissing(MessageRefused):
    """There is no such topic at the broker, or no right to write there, or nobody has said so within a few seconds."""


class RawProducer:
    """One connection for writing: acks=all, idempotent. Made anew after any failure whose outcome is not known."""

    def __init__(self, kafka: KafkaSettings, *, client_id: str) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=kafka.kafka_bootstrap,
            client_id=client_id,
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_REQUEST_SIZE,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            **security(kafka),
        )
        self._topics_seen: set[str] = set()

    async def start(self) -> None:
        await self._producer.start()

    async def send(self, message: Message) -> "asyncio.Future[Any]":
        """Queue a message; the future is done when all replicas have it. Messages of one partition keep their order.

        Raises MessageRefused (TopicMissing after 3 s), KafkaError, or waits for room in the queue. A future may fail
        with one of REFUSALS, which no repetition mends, or of CLOSED.
        """
        if message.topic not in self._topics_seen:
            await self._see(message.topic)
        try:
            future: asyncio.Future[Any] = await self._producer.send(
                message.topic, message.value, message.key, message.partition, headers=list(message.headers)
            )
        except (*REFUSALS, AssertionError, UnicodeEncodeError, TypeError) as error:
            raise MessageRefused(type(error).__name__) from error
        except CLOSED as error:
            raise TopicMissing(type(error).__name__) from error
        return future

    async def _see(self, topic: str) -> None:
        try:
            async with asyncio.timeout(TOPIC_SECONDS):
                await self._producer.partitions_for(topic)
        except (TimeoutError, *CLOSED) as error:
            raise TopicMissing(type(error).__name__) from error
        self._topics_seen.add(topic)

    async def close(self, seconds: float) -> None:
        """Write out what is queued and disconnect, within `seconds`."""
        if not await ends_within(self._producer.stop(), seconds):
            await self.abandon()

    async def abandon(self) -> None:
        """Disconnect without writing anything more; what was under way may still arrive."""
        producer = self._producer
        cancel(producer._sender.sender_task)  # noqa: SLF001 - nothing public stops it from delivering later
        _fail_all(producer._message_accumulator)  # noqa: SLF001 - see above
        producer._closed = True  # noqa: SLF001 - else its finalizer complains
        await ends_within(producer.client.close(), 1)


def _fail_all(accumulator: Any) -> None:
    """Answer everybody who waits for a message; a batch also fails its own future, which nobody looks at."""
    batches = [batch for queued in accumulator._batches.values() for batch in queued]  # noqa: SLF001 - see `abandon`
    accumulator.fail_all(KafkaError("the producer was given up"))
    for batch in batches:
        batch._drain_waiter.exception()  # noqa: SLF001 - else asyncio complains that it was never seen
