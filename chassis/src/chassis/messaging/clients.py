"""The only module that imports aiokafka: a member of a consumer group and a producer, both with ends that are bounded.

aiokafka 0.14 with the broker down: `stop()` hangs or raises CancelledError, an idempotent send never gives up. So every
call that talks to the broker is given a limit here or by the caller, and what does not end is cut off.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAuthorizationFailedError
from aiokafka.helpers import create_ssl_context

from chassis.messaging.subscriptions import Partition, Record
from chassis.settings import KafkaSettings

__all__ = ["GroupMember", "KafkaError", "Message", "MessageRefused", "RawProducer", "ends_within", "partitions_of"]

MEBIBYTE = 1_048_576
SESSION_TIMEOUT_MS = 10_000
REBALANCE_TIMEOUT_MS = 25_000
FETCH_BYTES = 16 * MEBIBYTE
PARTITION_FETCH_BYTES = 4 * MEBIBYTE
MAX_REQUEST_SIZE = 2 * MEBIBYTE
# The broker's limit of 1 MiB is on the batch; one message larger than this travels alone.
BATCH_BYTES = MEBIBYTE // 4
REQUEST_TIMEOUT_MS = 10_000
TOUCH_SECONDS = 0.2
NOBODY = TopicPartition("", 0)


@dataclass(frozen=True, slots=True)
class Message:
    """A record to be written; headers keep their order."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class MessageRefused(Exception):
    """A message that cannot be written, now or later: too large, or nobody may write there."""


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    def __init__(
        self,
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002 - all, always
        await self._on_revoked()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._on_assigned([Partition(partition.topic, partition.partition) for partition in assigned])


class GroupMember:
    """One membership in a consumer group. Made once, started once, closed once; a new one is made after a failure."""

    def __init__(
        self,
        kafka: KafkaSettings,
        *,
        group: str,
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.kafka_bootstrap,
            client_id=group,
            group_id=group,
            group_instance_id=kafka.group_instance_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=SESSION_TIMEOUT_MS // 4,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            request_timeout_ms=REBALANCE_TIMEOUT_MS + REQUEST_TIMEOUT_MS,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            **_security(kafka),
        )
        self._topics = sorted(topics)
        self._listener = _Listener(on_assigned, on_revoked)

    async def start(self) -> None:
        """Connect and join; returns with the first assignment, which may take as long as a rebalance."""
        self._consumer.subscribe(self._topics, listener=self._listener)
        await self._consumer.start()

    async def poll(self, partition: Partition, *, seconds: float, max_records: int) -> list[Record]:
        """Take what has been fetched of one partition, or wait for it. Cancelling it loses no record."""
        theirs = TopicPartition(*partition)
        found = await self._consumer.getmany(theirs, timeout_ms=round(seconds * 1000), max_records=max_records)
        return [_record(record) for record in found.get(theirs, ())]

    async def touch(self) -> None:
        """Ask for nobody's records: says that the member is at work, and raises what went wrong in the background."""
        try:
            async with asyncio.timeout(TOUCH_SECONDS):
                await self._consumer.getmany(NOBODY, timeout_ms=0)
        except TimeoutError:
            return

    async def commit(self, partition: Partition, offset: int) -> None:
        """Acknowledge everything before `offset`; goes on trying while the broker is away, so limit it."""
        await self._consumer.commit({TopicPartition(*partition): offset})

    def end(self, partition: Partition) -> int | None:
        """The offset after the partition's last record, as of the last fetch."""
        theirs = TopicPartition(*partition)
        if theirs not in self._consumer.assignment():
            return None
        end: int | None = self._consumer.highwater(theirs)
        return end

    async def close(self, seconds: float) -> None:
        """Leave the group (a static member stays until its session ends) and disconnect; cut off after `seconds`."""
        if not await ends_within(self._consumer.stop(), seconds):
            # Private, but nothing public ends these when the broker does not answer.
            coordinator, fetcher = self._consumer._coordinator, self._consumer._fetcher  # noqa: SLF001 - see above
            for owner, name in (
                (coordinator, "_coordination_task"),
                (coordinator, "_heartbeat_task"),
                (coordinator, "_commit_refresh_task"),
                (fetcher, "_fetch_task"),
            ):
                _cancel(getattr(owner, name, None))
            await ends_within(self._consumer._client.close(), 1)  # noqa: SLF001 - see above


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
            **_security(kafka),
        )

    async def start(self) -> None:
        await self._producer.start()

    async def send(self, message: Message) -> "asyncio.Future[Any]":
        """Queue a message; the future is done when all replicas have it. Messages of one partition keep their order.

        Raises MessageRefused, KafkaError, or waits: for the topic to exist, for room in the queue.
        """
        try:
            future: asyncio.Future[Any] = await self._producer.send(
                message.topic, message.value, message.key, headers=list(message.headers)
            )
        except (MessageSizeTooLargeError, TopicAuthorizationFailedError, AssertionError) as error:
            raise MessageRefused(type(error).__name__) from error
        return future

    async def close(self, seconds: float) -> None:
        """Write out what is queued and disconnect, within `seconds`."""
        if not await ends_within(self._producer.stop(), seconds):
            await self.abandon()

    async def abandon(self) -> None:
        """Disconnect without writing anything more; what was under way may still arrive."""
        producer = self._producer
        _cancel(producer._sender.sender_task)  # noqa: SLF001 - nothing public stops it from delivering later
        producer._message_accumulator.fail_all(KafkaError("the producer was given up"))  # noqa: SLF001 - see above
        producer._closed = True  # noqa: SLF001 - else its finalizer complains
        await ends_within(producer.client.close(), 1)


async def partitions_of(kafka: KafkaSettings, topics: Collection[str], *, seconds: float) -> dict[str, int]:
    """How many partitions each of these topics has at the broker; a missing one has none. Raises when nobody answers."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.kafka_bootstrap, client_id="doctor", **_security(kafka))
    try:
        async with asyncio.timeout(seconds):
            await admin.start()
            described = await admin.describe_topics(list(topics))
    finally:
        await ends_within(admin.close(), 1)
    return {topic["topic"]: 0 if topic["error_code"] else len(topic["partitions"]) for topic in described}


async def ends_within(work: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Run `work` in a task of its own for at most `seconds`; its failure or cancellation counts as an end."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        ended = task.done()
        task.cancel()
    return ended


def _cancel(task: "asyncio.Task[Any] | None") -> None:
    if task is not None:
        task.cancel()
        task.add_done_callback(lambda done: done.cancelled() or done.exception())


def _record(record: Any) -> Record:
    return Record(record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers))


def _security(kafka: KafkaSettings) -> dict[str, Any]:
    if not (kafka.kafka_ca_file or kafka.kafka_cert_file):
        return {"security_protocol": "PLAINTEXT"}
    context = create_ssl_context(
        cafile=_text(kafka.kafka_ca_file), certfile=_text(kafka.kafka_cert_file), keyfile=_text(kafka.kafka_key_file)
    )
    return {"security_protocol": "SSL", "ssl_context": context}


def _text(path: object) -> str | None:
    return None if path is None else str(path)
