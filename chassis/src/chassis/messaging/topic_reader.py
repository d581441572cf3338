"""Reads a topic from outside of any group: for operators' commands, never for the work of a service."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from chassis.messaging.broker import MEBIBYTE, ends_within, security
from chassis.messaging.records import Record
from chassis.messaging.undecoded import UNREADABLE, fetch_undecoded
from chassis.settings import KafkaSettings

ANSWER_SECONDS = 10.0
POLL_MS = 500
MAX_RECORDS = 500
COMPACTED = ("cleanup.policy", "compact")


class BrokerAway(Exception):
    """Nobody answers at the broker's address, or not in time, or it refuses to."""


@dataclass(frozen=True, slots=True)
class Read:
    """A record, with the time that the broker or the writer gave it."""

    record: Record
    at: datetime | None


class TopicReader:
    """One connection; every question to the broker has its limit, after which it raises BrokerAway."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.kafka_bootstrap,
            client_id="operator",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 * MEBIBYTE,
            **security(kafka),
        )

    async def __aenter__(self) -> Self:
        try:
            async with _answering():
                await self._consumer.start()
        except BaseException:
            await ends_within(self._consumer.stop(), 1)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await ends_within(self._consumer.stop(), 3)

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset there is, and the one after the last."""
        theirs = TopicPartition(topic, partition)
        async with _answering():
            begin = await self._consumer.beginning_offsets([theirs])
            end = await self._consumer.end_offsets([theirs])
        return begin[theirs], end[theirs]

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Read]:
        """The records from `start` to before `end`, in order; those that retention or compaction took are left out."""
        theirs = TopicPartition(topic, partition)
        self._consumer.assign([theirs])
        begin, _ = await self.bounds(topic, partition)
        position = max(start, begin)
        self._consumer.seek(theirs, position)
        quiet_since = asyncio.get_running_loop().time()
        while position < end:
            for found in await self._some(theirs, position):
                if found.record.offset < end:
                    yield found
            reached = await self._consumer.position(theirs)
            if reached > position:
                position, quiet_since = reached, asyncio.get_running_loop().time()
            elif asyncio.get_running_loop().time() - quiet_since > ANSWER_SECONDS:
                raise BrokerAway(f"the broker gives no record of {topic}/{partition} from {position} on")

    async def _some(self, theirs: TopicPartition, position: int) -> list[Read]:
        async with _answering():
            try:
                found = await self._consumer.getmany(theirs, timeout_ms=POLL_MS, max_records=MAX_RECORDS)
            except UNREADABLE:
                records, following = await fetch_undecoded(self._consumer._client, theirs, position)  # noqa: SLF001 - the one connection
                self._consumer.seek(theirs, following)
                return [Read(record, None) for record in records]
        return [_read(record) for record in found.get(theirs, ())]

    async def compacted(self, topics: Collection[str]) -> set[str]:
        """Which of these topics keep the last record of each key for ever."""
        async with _admin(self._kafka) as admin:
            answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in topics])
            told = [resource for answer in answers for resource in answer.resources]
            for code, *_ in told:
                if code:
                    raise for_code(code)
        return {name for _, _, _, name, entries in told if any(entry[:2] == COMPACTED for entry in entries)}

    async def partitions(self, topics: Collection[str]) -> dict[str, int]:
        """How many partitions each topic has; none where it is missing. Asks for all: naming one may make it."""
        async with _admin(self._kafka) as admin:
            there = {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics()}
        return {topic: there.get(topic, 0) for topic in topics}


@asynccontextmanager
async def _admin(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.kafka_bootstrap, client_id="operator", **security(kafka))
    try:
        async with _answering():
            await admin.start()
            yield admin
    finally:
        await ends_within(admin.close(), 1)


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except (KafkaError, TimeoutError, OSError) as error:
        raise BrokerAway(f"the broker does not answer as asked ({type(error).__name__})") from error


def _read(record: Any) -> Read:
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC) if 0 <= record.timestamp < 2**42 else None
    read = Record(record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers))
    return Read(read, at)
