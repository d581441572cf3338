"""A broker in memory: topics, groups with their offsets, and the ways in which a real one lets its clients down.

`tests/chassis/broker_contract.py` holds it and Kafka to the same behaviour. It knows dynamic members and the classic
protocol; no transactions, no access control. Every wait is the running loop's: in a simulation it costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from chassis.messaging.clients import REFUSALS, KafkaError, Message
from chassis.messaging.subscriptions import Partition, Record
from chassis.settings import KafkaSettings
from chassis.testing.memory_group import MemoryGroup, later
from chassis.testing.memory_member import MemoryMember
from chassis.testing.memory_producer import MemoryConnection
from chassis.testing.memory_topic import MemoryLog, partition_of

__all__ = ["MemoryBroker", "MemoryConnection", "MemoryMember"]

SESSION_SECONDS = 10.0
REBALANCE_SECONDS = 25.0
MESSAGE_BYTES = 1_048_576


class MemoryBroker:
    """Topics exist once they are named here, made or written to; one that nobody named has one partition.

    `strict`: what nobody named or made does not exist.

    What goes wrong is set on it at any time, and stays so until it is taken back or, for the counts, used up.
    """

    def __init__(self, *partitions: Partition, session_seconds: float = SESSION_SECONDS, strict: bool = False) -> None:
        self.members: list[MemoryMember] = []
        """Every membership that was ever begun."""
        self.heartbeat_seconds = session_seconds / 4
        self.latency: Callable[[], float] = lambda: 0.0
        """Seconds that each request and each answer is under way."""
        self.refuse_commits = 0
        """How many commits of offsets fail from now on, without effect."""
        self.lose_commit_answers = 0
        """How many commits take effect from now on and are never answered."""
        self.delay_messages = 0.0
        """Seconds that a message sent from now on is under way besides, also when its sender has given up by then."""
        self.lose_acknowledgements = 0
        """How many messages are written from now on without an answer."""
        self.refuse_messages = 0
        """How many messages are refused by the broker from now on (not enough replicas, too large)."""
        self.refused: list[Message] = []
        """Those that were."""
        self.fails_members = False
        """Whether members learn of a failure in the background, which ends them."""
        self.on_commit: Callable[[Partition, int], None] = lambda _partition, _offset: None
        """Called with every commit that takes effect."""
        self.strict = strict
        self._down = False
        self._session_seconds = session_seconds
        self._logs = {partition: MemoryLog(*partition) for partition in partitions}
        self._groups: dict[str, MemoryGroup] = {}
        self._back: list[Callable[[], None]] = []

    @property
    def down(self) -> bool:
        """While it is: nobody can connect, requests wait, messages under way are kept by their clients."""
        return self._down

    @down.setter
    def down(self, down: bool) -> None:
        self._down = down
        for group in self._groups.values():
            group.sleep(asleep=down)
        if not down:
            back, self._back = self._back, []
            for callback in back:
                callback()
            for log in self._logs.values():
                log.wake()

    @property
    def records(self) -> dict[Partition, list[Record]]:
        return {partition: log.records for partition, log in self._logs.items()}

    @property
    def committed(self) -> dict[Partition, int]:
        """The acknowledged offsets of the one group that there is."""
        (group,) = self._groups.values() or (self.group("nobody's"),)
        return group.committed

    def group(self, name: str) -> MemoryGroup:
        if name not in self._groups:
            self._groups[name] = MemoryGroup(
                self.partitions, session_seconds=self._session_seconds, rebalance_seconds=REBALANCE_SECONDS
            )
        return self._groups[name]

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic, empty."""
        self._logs |= {Partition(topic, number): MemoryLog(topic, number) for number in range(partitions)}

    def throw_out(self, member: MemoryMember) -> None:
        """Let the group forget a member, as it does when it hears nothing of it; nobody tells it."""
        member.group.leave(member.seat)

    def partitions(self, topic: str) -> list[Partition]:
        return sorted(partition for partition in self._logs if partition.topic == topic)

    def log(self, partition: Partition) -> MemoryLog:
        if partition not in self._logs:
            self._logs[partition] = MemoryLog(*partition)
        return self._logs[partition]

    def append(self, message: Message, number: int | None = None) -> Record:
        """Write a record at once, whatever is set to go wrong; to partition `number`, its own, or its key's."""
        if number is None:
            number = message.partition
        if number is None:
            count = len(self.partitions(message.topic)) or 1
            number = 0 if message.key is None else partition_of(message.key, count)
        return self.log(Partition(message.topic, number)).append(message)

    def values(self, topic: str) -> list[bytes | None]:
        """What the topic holds, partition after partition."""
        return [record.value for partition in self.partitions(topic) for record in self.log(partition).records]

    def connect(
        self,
        _kafka: KafkaSettings,
        *,
        group: str,
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> MemoryMember:
        """In place of GroupMember."""
        self.members.append(MemoryMember(self, self.group(group), topics, on_assigned, on_revoked))
        return self.members[-1]

    def check(self) -> None:
        if self.down:
            raise KafkaError("the broker is down")

    async def travel(self) -> None:
        """Be under way from one side to the other."""
        await asyncio.sleep(self.latency())

    async def reached(self) -> None:
        """Return when a request has come in: not before the broker is there."""
        await self.travel()
        while self.down:
            back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.once_back(lambda waits=back: None if waits.done() else waits.set_result(None))  # type: ignore[misc]
            await back
            await self.travel()

    def once_back(self, callback: Callable[[], None]) -> None:
        self._back.append(callback)

    def carry(self, arrive: Callable[[], None], *, delay: float = 0.0) -> None:
        """Let a message or its answer be under way; without latency it is there at once."""
        seconds = self.latency() + delay
        if seconds:
            later(seconds, arrive)
        else:
            arrive()

    def write(self, message: Message, answer: "asyncio.Future[Any]") -> None:
        """Write what has arrived, and answer."""
        too_large = len(message.key or b"") + len(message.value or b"") > MESSAGE_BYTES
        if self.refuse_messages or too_large:
            self.refuse_messages = max(0, self.refuse_messages - 1)
            refusal = REFUSALS[0]() if too_large else KafkaError("refused")
            self.refused.append(message)
            self.carry(lambda: None if answer.done() else answer.set_exception(refusal))
            return
        record = self.append(message)
        if self.lose_acknowledgements:
            self.lose_acknowledgements -= 1
        else:
            self.carry(lambda: None if answer.done() else answer.set_result(record))

    def takes_commit(self) -> bool:
        if not self.refuse_commits:
            return True
        self.refuse_commits -= 1
        return False

    async def commit_answered(self) -> None:
        if self.lose_commit_answers:
            self.lose_commit_answers -= 1
            await asyncio.get_running_loop().create_future()
        await self.travel()
