"""A member of a consumer group, with an end that is bounded."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.messaging.broker import MEBIBYTE, REQUEST_TIMEOUT_MS, cancel, ends_within, security
from chassis.messaging.subscriptions import Partition, Record
from chassis.messaging.undecoded import UNREADABLE, fetch_undecoded
from chassis.settings import KafkaSettings

SESSION_TIMEOUT_MS = 10_000
REBALANCE_TIMEOUT_MS = 25_000
FETCH_BYTES = 16 * MEBIBYTE
PARTITION_FETCH_BYTES = 4 * MEBIBYTE
TOUCH_SECONDS = 0.2
# A poll answers when its time is over; one that does not is stuck, and the membership is given up for a new one.
SILENT_SECONDS = 60.0
NOBODY = TopicPartition("", 0)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Place:
    """How far a partition reaches, by the broker: its end, and where the group goes on reading."""

    end: int
    next: int


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
        session_timeout_ms: int = SESSION_TIMEOUT_MS,
    ) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.kafka_bootstrap,
            client_id=group,
            group_id=group,
            group_instance_id=kafka.group_instance_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=session_timeout_ms // 4,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            request_timeout_ms=REBALANCE_TIMEOUT_MS + REQUEST_TIMEOUT_MS,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            **security(kafka),
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
        metrics.POLLS.labels(partition.topic).inc()
        try:
            async with asyncio.timeout(seconds + SILENT_SECONDS):
                found = await self._consumer.getmany(theirs, timeout_ms=round(seconds * 1000), max_records=max_records)
        except UNREADABLE as error:
            return await self._poll_undecoded(theirs, error, seconds, max_records)
        return [_record(record) for record in found.get(theirs, ())]

    async def _poll_undecoded(
        self, theirs: TopicPartition, error: Exception, seconds: float, max_records: int
    ) -> list[Record]:
        """Go round aiokafka, which raises for ever at a header name that is not UTF-8.

        What cannot be read even so (a damaged disk, a codec that nobody knows) holds up this partition alone.
        """
        position = await self._consumer.position(theirs)
        try:
            records, following = await fetch_undecoded(self._consumer._client, theirs, position)  # noqa: SLF001 - the one connection
        except KafkaError as failure:
            log.error(  # noqa: TRY400 - the traceback says nothing more
                "records_unreadable",
                topic=theirs.topic,
                partition=theirs.partition,
                offset=position,
                error=type(error).__name__,
                detail=type(failure).__name__,
            )
            await asyncio.sleep(seconds)
            return []
        taken = records[:max_records]
        if taken:
            log.warning("records_read_undecoded", topic=theirs.topic, partition=theirs.partition, offset=position)
            following = taken[-1].offset + 1
        elif following == position:
            await asyncio.sleep(seconds)
        self._consumer.seek(theirs, following)
        return taken

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

    async def places(self, partitions: Collection[Partition]) -> dict[Partition, Place]:
        """Ask the broker where these partitions end and where the group goes on in them; limit it."""
        asked = {partition: TopicPartition(*partition) for partition in partitions}
        ends = await self._consumer.end_offsets(asked.values())
        begins = await self._consumer.beginning_offsets(asked.values())
        committed = {partition: await self._consumer.committed(theirs) for partition, theirs in asked.items()}
        return {
            partition: Place(end=ends[theirs], next=max(committed[partition] or 0, begins[theirs]))
            for partition, theirs in asked.items()
            if theirs in ends and theirs in begins
        }

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
                cancel(getattr(owner, name, None))
            await ends_within(self._consumer._client.close(), 1)  # noqa: SLF001 - see above


def _record(record: Any) -> Record:
    return Record(record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers))
