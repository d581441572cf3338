"""A member of a group in memory, in place of `GroupMember`."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

from chassis.messaging.clients import KafkaError, Place
from chassis.messaging.subscriptions import Partition, Record
from chassis.testing.memory_group import Assignment, MemoryGroup, Seat

if TYPE_CHECKING:
    from chassis.testing.memory_broker import MemoryBroker

NOT_MINE_SECONDS = 0.1


class MemoryMember:
    """Made once, started once, closed once, like the real one; `closed` tells a test.

    While the broker is down nothing is found and commits wait. Partitions are taken away and given in a task of its
    own, heartbeats go on beside it, so a handler may take its time; a process that stands still is out after the
    session timeout, and learns so when it commits or beats again.
    """

    def __init__(
        self,
        broker: "MemoryBroker",
        group: MemoryGroup,
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self.closed = False
        self._broker = broker
        self.group = group
        self.seat = Seat(sorted(topics))
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._positions: dict[Partition, int] = {}
        self._generation = 0
        self._joining = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Join; raises KafkaError where no broker is there, and waits where it goes away meanwhile."""
        self._broker.check()
        await self._join()
        self._tasks = [asyncio.create_task(self._beat())]

    async def rebalance(self) -> None:
        """Give all partitions back and join again, as another member's coming or going makes everybody do."""
        async with self._joining:
            await self._on_revoked()
            await self._join()

    async def poll(self, partition: Partition, *, seconds: float, max_records: int) -> list[Record]:
        """What the partition holds next; an empty list where that is nothing for so long."""
        ends = asyncio.get_running_loop().time() + seconds
        while True:
            if self.closed:
                raise KafkaError("the member is closed")
            if found := self._fetched(partition, max_records):
                await self._broker.travel()
                if self._positions.get(partition) == found[0].offset:
                    self._positions[partition] = found[-1].offset + 1
                    return found
                continue  # revoked, or begun anew, while it was under way
            left = ends - asyncio.get_running_loop().time()
            if left <= 0:
                return []
            if partition in self._positions:
                await self._broker.log(partition).news(left)
            else:
                await asyncio.sleep(min(left, NOT_MINE_SECONDS))

    def _fetched(self, partition: Partition, most: int) -> list[Record]:
        position = self._positions.get(partition)
        if position is None or self._broker.down:
            return []
        found = self._broker.log(partition).read(position, most)
        if found:
            self._positions[partition] = found[0].offset
        return found

    async def touch(self) -> None:
        """Nothing to say here; raises what the broker was told to let its members know."""
        if self._broker.fails_members:
            raise KafkaError("told to fail")

    async def commit(self, partition: Partition, offset: int) -> None:
        """Acknowledge; waits while the broker is down. Raises KafkaError where the partition is not its any more."""
        if partition not in self._positions:
            raise KafkaError("the partition is not assigned")
        generation = self._generation
        await self._broker.reached()
        if not self._broker.takes_commit():
            raise KafkaError("the commit was refused")
        self.group.commit(self.seat, generation, partition, offset)
        self._broker.on_commit(partition, offset)
        await self._broker.commit_answered()

    async def places(self, partitions: Collection[Partition]) -> dict[Partition, Place]:
        """Where these partitions end and where the group goes on; waits while the broker is down."""
        await self._broker.reached()
        logs = {partition: self._broker.log(partition) for partition in partitions}
        committed = self.group.committed
        return {each: Place(log.end, max(committed.get(each, 0), log.start)) for each, log in logs.items()}

    async def close(self, seconds: float) -> None:
        """Leave the group; where the broker is down, be gone without a word."""
        self.closed = True
        for task in self._tasks:
            task.cancel()
        if not self._broker.down:
            async with asyncio.timeout(seconds):
                await self._broker.travel()
            self.group.leave(self.seat)

    async def _join(self) -> None:
        self._positions = {}
        await self._broker.reached()
        assignment: Assignment = await self.group.join(self.seat)
        await self._broker.travel()
        self._generation = assignment.generation
        for partition in assignment.partitions:
            log = self._broker.log(partition)
            committed = self.group.committed.get(partition, log.start)
            self._positions[partition] = committed if log.start <= committed <= log.end else log.start
        self._on_assigned(assignment.partitions)

    async def _beat(self) -> None:
        rejoining: asyncio.Task[None] | None = None
        while True:
            told = asyncio.create_task(self.seat.told.wait())
            try:
                await asyncio.wait({told}, timeout=self._broker.heartbeat_seconds)
            finally:
                told.cancel()
            await self._broker.reached()
            well = self.group.heartbeat(self.seat)
            self.seat.told.clear()
            if not well and (rejoining is None or rejoining.done()):
                rejoining = asyncio.create_task(self.rebalance())
                self._tasks = [self._tasks[0], rejoining]
