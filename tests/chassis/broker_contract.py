"""What the chassis relies on at a broker, as one suite: Kafka through the real clients, and the broker in memory.

A subclass gives the fixture `bus`. Tests name topics and groups of their own, so they share a broker.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

import pytest

from chassis.messaging.clients import REFUSALS, KafkaError, Message, MessageRefused, TopicMissing
from chassis.messaging.membership import Member
from chassis.messaging.producer import Connection
from chassis.messaging.subscriptions import Partition, Record
from chassis.testing.memory_topic import partition_of

PARTITIONS = 3
JOIN_SECONDS = 20.0
KEYS = [b"", b"k", b"4711", "Größe".encode(), b"hof-mustermann-17", bytes(range(33))]
_numbers = count(1)


class Bus(Protocol):
    """A broker, and the clients that are made for it."""

    async def create(self, topic: str) -> None:
        """Make a topic of PARTITIONS partitions."""

    def member(
        self,
        group: str,
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> Member: ...

    def connection(self) -> Connection: ...

    async def throw_out(self, member: Any) -> None:
        """Let the group forget a member, as after its session timeout; nobody tells it."""

    async def expire(self, partition: Partition, before: int) -> None:
        """What retention does: everything below this offset is gone."""

    def outage(self) -> AbstractAsyncContextManager[None]:
        """Nobody answers meanwhile."""


@dataclass
class Joined:
    """A member and what it was told."""

    member: Member
    assigned: list[list[Partition]] = field(default_factory=list)
    revoked: int = 0
    at_revocation: Callable[[], Awaitable[None]] | None = None

    @property
    def partitions(self) -> list[Partition]:
        return sorted(self.assigned[-1])

    async def poll(self, number: int, *, most: int = 500, seconds: float = 5.0) -> list[Record]:
        partition = next(each for each in self.partitions if each.number == number)
        return await self.member.poll(partition, seconds=seconds, max_records=most)


@asynccontextmanager
async def joined(bus: Bus, group: str, topic: str) -> AsyncIterator[Joined]:
    told = Joined(None)  # type: ignore[arg-type] # set at once

    async def on_revoked() -> None:
        told.revoked += 1
        if told.at_revocation:
            await told.at_revocation()

    told.member = bus.member(group, [topic], lambda partitions: told.assigned.append(list(partitions)), on_revoked)
    try:
        async with asyncio.timeout(JOIN_SECONDS):
            await told.member.start()
            await until(lambda: bool(told.assigned))
        yield told
    finally:
        await told.member.close(3)


@asynccontextmanager
async def connected(bus: Bus) -> AsyncIterator[Connection]:
    connection = bus.connection()
    await connection.start()
    try:
        yield connection
    finally:
        await connection.close(3)


async def until(so: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not so():  # noqa: ASYNC110 - what is looked at tells nobody
            await asyncio.sleep(0.02)


async def write(bus: Bus, *messages: Message) -> None:
    async with connected(bus) as connection:
        await asyncio.gather(*[await connection.send(message) for message in messages])


def numbered(topic: str, numbers: Sequence[int], number: int = 0) -> list[Message]:
    return [Message(topic, b"k", b"%d" % each, partition=number) for each in numbers]


def values(records: Sequence[Record]) -> list[bytes | None]:
    return [record.value for record in records]


@pytest.fixture
def name() -> str:
    """For a topic and its group, this test's own."""
    return f"contract-{next(_numbers)}"


class ReadingContract:
    """The consumer's side."""

    async def test_partitions_are_read_from_the_start_in_order(self, bus: Bus, name: str) -> None:
        """Each by itself, at most as many records as asked for at a time, none twice."""
        await bus.create(name)
        await write(bus, *numbered(name, range(5)), *numbered(name, range(10, 12), 2))
        async with joined(bus, name, name) as reader:
            assert reader.partitions == [Partition(name, number) for number in range(PARTITIONS)]
            first = await reader.poll(0, most=3)
            assert values([*first, *(await reader.poll(0, most=10))]) == [b"0", b"1", b"2", b"3", b"4"]
            assert len(first) == 3
            assert values(await reader.poll(2)) == [b"10", b"11"]
            assert await reader.poll(1, seconds=0.2) == []

    async def test_nothing_is_acknowledged_by_reading(self, bus: Bus, name: str) -> None:
        """The next member of the group reads again what was not committed, and goes on behind what was."""
        await bus.create(name)
        await write(bus, *numbered(name, range(4)))
        async with joined(bus, name, name) as reader:
            assert len(await reader.poll(0)) == 4
            await reader.member.commit(Partition(name, 0), 2)
        async with joined(bus, name, name) as reader:
            assert values(await reader.poll(0)) == [b"2", b"3"]
        async with joined(bus, f"{name}-other", name) as reader:
            assert len(await reader.poll(0)) == 4

    async def test_what_comes_wakes_who_waits(self, bus: Bus, name: str) -> None:
        """A poll that waits returns with the next record, long before its time is over."""
        await bus.create(name)
        async with joined(bus, name, name) as reader:
            waiting = asyncio.create_task(reader.poll(0, seconds=10))
            await asyncio.sleep(0.1)
            await write(bus, *numbered(name, [7]))
            async with asyncio.timeout(5):
                assert values(await waiting) == [b"7"]

    async def test_a_cancelled_poll_loses_no_record(self, bus: Bus, name: str) -> None:
        """Whoever polls next gets them."""
        await bus.create(name)
        async with joined(bus, name, name) as reader:
            waiting = asyncio.create_task(reader.poll(0, seconds=10))
            await asyncio.sleep(0.05)
            await write(bus, *numbered(name, range(3)))
            waiting.cancel()
            await asyncio.wait({waiting})
            if not waiting.cancelled():
                return
            assert values(await reader.poll(0)) == [b"0", b"1", b"2"]

    async def test_strange_partitions_are_nobodys(self, bus: Bus, name: str) -> None:
        """One that is not assigned has no records and cannot be acknowledged."""
        await bus.create(name)
        async with joined(bus, name, name) as reader:
            strange = Partition(name, 99)
            assert await reader.member.poll(strange, seconds=0.1, max_records=1) == []
            with pytest.raises(KafkaError):
                await reader.member.commit(strange, 1)

    async def test_places_are_told(self, bus: Bus, name: str) -> None:
        """Where each partition ends, and where the group goes on."""
        await bus.create(name)
        await write(bus, *numbered(name, range(3)))
        async with joined(bus, name, name) as reader:
            await reader.member.commit(Partition(name, 0), 2)
            places = await reader.member.places([Partition(name, 0), Partition(name, 1)])
            assert {partition.number: (place.end, place.next) for partition, place in places.items()} == {
                0: (3, 2),
                1: (0, 0),
            }

    async def test_what_retention_took_is_passed_over(self, bus: Bus, name: str) -> None:
        """A new group begins at the first record kept, and so does one whose acknowledged offset is gone."""
        await bus.create(name)
        await write(bus, *numbered(name, range(6)))
        async with joined(bus, name, name) as reader:
            await reader.member.commit(Partition(name, 0), 1)
        await bus.expire(Partition(name, 0), 4)
        for group in (name, f"{name}-new"):
            async with joined(bus, group, name) as reader:
                assert [record.offset for record in await reader.poll(0)] == [4, 5]


class GroupContract:
    """Members come, go, and are thrown out."""

    async def test_a_second_member_shares_and_its_leaving_gives_back(self, bus: Bus, name: str) -> None:
        """Everybody gives everything up first, and may acknowledge while doing so; nothing is read by two."""
        await bus.create(name)
        await write(bus, *(each for number in range(3) for each in numbered(name, [number], number)))
        async with joined(bus, name, name) as first:

            async def acknowledge() -> None:
                await first.member.commit(Partition(name, 0), 1)

            first.at_revocation = acknowledge
            async with joined(bus, name, name) as second:
                await until(lambda: len(first.assigned) == 2)
                assert first.revoked >= 1
                assert sorted([*first.partitions, *second.partitions]) == [Partition(name, n) for n in range(3)]
                assert first.partitions
                assert second.partitions
                first.at_revocation = None
            await until(lambda: len(first.assigned) == 3)
            assert len(first.partitions) == 3
            assert await first.poll(0, seconds=0.3) == []
            assert values(await first.poll(1)) == [b"1"]

    async def test_who_was_thrown_out_acknowledges_nothing(self, bus: Bus, name: str) -> None:
        """A zombie's commit is refused; it learns of it, gives everything up and joins again by itself."""
        await bus.create(name)
        await write(bus, *numbered(name, range(2)))
        async with joined(bus, name, name) as zombie:
            await zombie.poll(0)
            await bus.throw_out(zombie.member)
            with pytest.raises(KafkaError):
                await zombie.member.commit(Partition(name, 0), 2)
            await until(lambda: len(zombie.assigned) == 2)
            assert zombie.revoked >= 1
            assert values(await zombie.poll(0)) == [b"0", b"1"]
            await zombie.member.commit(Partition(name, 0), 2)


class WritingContract:
    """The producer's side."""

    async def test_a_key_has_its_partition_and_its_order(self, bus: Bus, name: str) -> None:
        """The one that every Kafka client computes; records of one key come in the order in which they were sent."""
        await bus.create(name)
        await write(bus, *(Message(name, key, b"%d" % each) for each in range(20) for key in KEYS))
        async with joined(bus, name, name) as reader:
            found = [record for number in range(PARTITIONS) for record in await all_of(reader, number)]
        for key in KEYS:
            theirs = [record for record in found if record.key == key]
            assert values(theirs) == [b"%d" % each for each in range(20)]
            assert {record.partition for record in theirs} == {partition_of(key, PARTITIONS)}

    async def test_a_record_arrives_byte_for_byte(self, bus: Bus, name: str) -> None:
        """Headers keep order, repeats and odd bytes; a null value stays null, an empty one empty; offsets count."""
        await bus.create(name)
        told = (("h", b"\x00\xff"), ("a", b""), ("h", b"again"))
        await write(
            bus,
            Message(name, b"k", None, told, partition=1),
            Message(name, None, b"", partition=1),
            Message(name, b"", b"\xff", partition=1),
        )
        async with joined(bus, name, name) as reader:
            records = await all_of(reader, 1)
        assert [(each.offset, each.key, each.value, each.headers) for each in records] == [
            (0, b"k", None, told),
            (1, None, b"", ()),
            (2, b"", b"\xff", ()),
        ]

    async def test_what_can_never_be_written_is_refused(self, bus: Bus, name: str) -> None:
        """Neither key nor value, too large for any request, no such topic; what is too large for its topic alone fails."""
        await bus.create(name)
        async with connected(bus) as connection:
            for refused in (Message(name, None, None), Message(name, b"k", b"x" * 3_000_000)):
                with pytest.raises(MessageRefused):
                    await connection.send(refused)
            with pytest.raises(TopicMissing):
                await connection.send(Message(f"{name}-missing", b"k", b"v"))
            with pytest.raises(REFUSALS):
                await (await connection.send(Message(name, b"k", b"x" * 1_200_000)))
            await (await connection.send(Message(name, b"k", b"fits")))


class OutageContract:
    """Nobody answers for a while."""

    async def test_an_outage_is_waited_out(self, bus: Bus, name: str) -> None:
        """Polls find nothing, commits and sends are answered once the broker is back; nothing is lost by it."""
        await bus.create(name)
        await write(bus, *numbered(name, range(2)))
        async with joined(bus, name, name) as reader, connected(bus) as connection:
            assert len(await reader.poll(0)) == 2
            await (await connection.send(Message(name, b"k", b"before", partition=1)))
            async with bus.outage():
                assert await reader.poll(2, seconds=0.3) == []
                committing = asyncio.create_task(reader.member.commit(Partition(name, 0), 2))
                sent = await connection.send(Message(name, b"k", b"meanwhile", partition=1))
                await asyncio.wait({committing, sent}, timeout=0.5)
                assert not committing.done()
                assert not sent.done()
            async with asyncio.timeout(20):
                await committing
                await sent
            assert values(await at_least(reader, 1, count=2)) == [b"before", b"meanwhile"]

    async def test_nobody_connects_to_a_broker_that_is_not_there(self, bus: Bus, name: str) -> None:
        """A connection and a membership fail to begin, or do not begin; a new one does afterwards."""
        await bus.create(name)
        async with bus.outage():
            connection = bus.connection()
            with pytest.raises((KafkaError, TimeoutError)):
                async with asyncio.timeout(0.5):
                    await connection.start()
            await connection.abandon()
        await write(bus, *numbered(name, [1]))


async def all_of(reader: Joined, number: int) -> list[Record]:
    """Everything in a partition, until there is nothing more for a moment."""
    found = await reader.poll(number, seconds=5)
    while more := await reader.poll(number, seconds=0.3):
        found += more
    return found


async def at_least(reader: Joined, number: int, *, count: int) -> list[Record]:
    """So many records of a partition or more, for which a broker that comes back may take its time."""
    found: list[Record] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found += await reader.poll(number, seconds=1)
    return found
