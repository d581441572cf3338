"""The broker in memory keeps the contract that Kafka keeps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

import pytest

from chassis.messaging.clients import Message
from chassis.messaging.subscriptions import Partition
from chassis.settings import KafkaSettings
from chassis.testing.memory_broker import MemoryBroker, MemoryConnection, MemoryMember
from tests.chassis.broker_contract import (
    PARTITIONS,
    GroupContract,
    OutageContract,
    ReadingContract,
    WritingContract,
    name,
)

__all__ = ["name"]

KAFKA = KafkaSettings(kafka_bootstrap="nowhere:1")


class MemoryBus:
    def __init__(self) -> None:
        self.broker = MemoryBroker(strict=True, session_seconds=0.4)

    async def create(self, topic: str) -> None:
        self.broker.create(topic, PARTITIONS)

    def member(
        self,
        group: str,
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> MemoryMember:
        return self.broker.connect(KAFKA, group=group, topics=topics, on_assigned=on_assigned, on_revoked=on_revoked)

    def connection(self) -> MemoryConnection:
        return MemoryConnection(self.broker)

    async def throw_out(self, member: MemoryMember) -> None:
        self.broker.throw_out(member)

    async def expire(self, partition: Partition, before: int) -> None:
        self.broker.log(partition).expire(before)

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        self.broker.down = True
        yield
        self.broker.down = False


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


class TestReading(ReadingContract): ...


class TestGroup(GroupContract): ...


class TestWriting(WritingContract): ...


class TestOutage(OutageContract): ...


async def test_a_send_that_is_cancelled_writes_nothing() -> None:
    """As aiokafka promises; so no future is left behind whose failure nobody could see."""
    bus = MemoryBus()
    bus.broker.create("t", PARTITIONS)
    bus.broker.latency = lambda: 0.01
    connection = bus.connection()
    sending = asyncio.ensure_future(connection.send(Message("t", b"k", b"v")))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait({sending})
    assert sending.cancelled()
    await asyncio.sleep(0.05)
    assert bus.broker.values("t") == []
