"""A broker in memory: topics, one group with its offsets, and the ways in which a real one lets its clients down."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from chassis.messaging.clients import KafkaError, Message
from chassis.messaging.subscriptions import Partition, Record
from chassis.settings import KafkaSettings


class MemoryBroker:
    """Holds records and committed offsets; `down` makes every call fail until it is back."""

    def __init__(self, *partitions: Partition) -> None:
        self.records: dict[Partition, list[Record]] = {partition: [] for partition in partitions}
        self.committed: dict[Partition, int] = {}
        self.members: list[MemoryMember] = []
        self.down = False
        self.refuse_commits = 0
        """How many commits of offsets fail from now on."""

    def append(self, message: Message, number: int = 0) -> Record:
        """Write a record to partition `number` of its topic, which is made if need be."""
        log = self.records.setdefault(Partition(message.topic, number), [])
        log.append(Record(message.topic, number, len(log), message.key, message.value, message.headers))
        return log[-1]

    def values(self, topic: str) -> list[bytes | None]:
        """What the topic holds, partition after partition."""
        logs = (log for partition, log in sorted(self.records.items()) if partition.topic == topic)
        return [record.value for log in logs for record in log]

    def connect(
        self,
        _kafka: KafkaSettings,
        *,
        group: str,  # noqa: ARG002 - there is one group
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> "MemoryMember":
        """In place of GroupMember."""
        self.members.append(MemoryMember(self, topics, on_assigned, on_revoked))
        return self.members[-1]

    def check(self) -> None:
        if self.down:
            raise KafkaError("the broker is down")


class MemoryMember:
    """Behaves like `GroupMember` where it is the only member."""

    def __init__(
        self,
        broker: MemoryBroker,
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._positions: dict[Partition, int] = {}
        self.closed = False

    async def start(self) -> None:
        self._broker.check()
        self._assign()

    async def rebalance(self) -> None:
        """Take all partitions away and give them back, as a second member's coming and going does."""
        await self._on_revoked()
        self._assign()

    def _assign(self) -> None:
        mine = [partition for partition in self._broker.records if partition.topic in self._topics]
        self._positions = {partition: self._broker.committed.get(partition, 0) for partition in mine}
        self._on_assigned(mine)

    async def poll(self, partition: Partition, *, seconds: float, max_records: int) -> list[Record]:
        self._broker.check()
        start = self._positions[partition]
        found = self._broker.records[partition][start : start + max_records]
        if not found:
            await asyncio.sleep(min(seconds, 0.005))
        self._positions[partition] = start + len(found)
        return found

    async def touch(self) -> None:
        self._broker.check()

    async def commit(self, partition: Partition, offset: int) -> None:
        self._broker.check()
        if self._broker.refuse_commits:
            self._broker.refuse_commits -= 1
            raise KafkaError("the group is rebalancing")
        self._broker.committed[partition] = offset

    def end(self, partition: Partition) -> int | None:
        return len(self._broker.records[partition])

    async def close(self, seconds: float) -> None:  # noqa: ARG002 - it closes at once
        self.closed = True


class MemoryConnection:
    """Behaves like `RawProducer`. With the broker down a send is accepted and never answered, as the real one does."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.abandoned = False

    async def start(self) -> None:
        self._broker.check()

    async def send(self, message: Message) -> "asyncio.Future[Any]":
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._broker.down:
            answer.set_result(self._broker.append(message))
        return answer

    async def close(self, seconds: float) -> None: ...

    async def abandon(self) -> None:
        self.abandoned = True
