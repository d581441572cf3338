"""A partition in memory: records whose offsets never change, and what retention and compaction leave of them."""

import asyncio
from bisect import bisect_left
from functools import lru_cache
from operator import attrgetter

from chassis.messaging.clients import Message
from chassis.messaging.subscriptions import Record


class MemoryLog:
    """One partition. `start` is the offset of the first record kept, `end` the one that comes next."""

    def __init__(self, topic: str, number: int) -> None:
        self.topic, self.number = topic, number
        self.records: list[Record] = []
        self.start = self.end = 0
        self._readers: set[asyncio.Future[None]] = set()

    def append(self, message: Message) -> Record:
        record = Record(self.topic, self.number, self.end, message.key, message.value, message.headers)
        self.records.append(record)
        self.end += 1
        self.wake()
        return record

    def read(self, position: int, most: int) -> list[Record]:
        """The next records from this offset on; offsets that are gone are passed over."""
        first = bisect_left(self.records, position, key=attrgetter("offset"))
        return self.records[first : first + most]

    def expire(self, before: int) -> None:
        """Forget everything below this offset, as retention does."""
        self.start = min(max(self.start, before), self.end)
        self.records = [record for record in self.records if record.offset >= self.start]

    def compact(self, *, tombstones: bool = False) -> None:
        """Keep the last record of each key and those without one; with `tombstones` forget these, too.

        Kafka never compacts its newest segment, so the last record always stays.
        """
        last: dict[bytes | None, int] = {record.key: record.offset for record in self.records if record.key is not None}
        self.records = [
            record
            for record in self.records
            if record.offset == self.end - 1
            or (last.get(record.key, record.offset) == record.offset and not (tombstones and record.value is None))
        ]

    async def news(self, seconds: float) -> None:
        """Return at the next record or sign of life, at most so much later."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._readers.add(future)
        try:
            await asyncio.wait({future}, timeout=seconds)
        finally:
            self._readers.discard(future)

    def wake(self) -> None:
        for future in self._readers:
            if not future.done():
                future.set_result(None)


@lru_cache(maxsize=10_000)
def partition_of(key: bytes, partitions: int) -> int:
    """Where Kafka's clients put a record with this key: murmur2, its sign bit cleared, modulo the partitions."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    mixed = 0x9747B28C ^ len(key)
    whole = len(key) - len(key) % 4
    for place in range(0, whole, 4):
        word = int.from_bytes(key[place : place + 4], "little") * multiplier & mask
        mixed = (mixed * multiplier & mask) ^ ((word ^ word >> 24) * multiplier & mask)
    if rest := key[whole:]:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * multiplier & mask
    mixed = (mixed ^ mixed >> 13) * multiplier & mask
    return ((mixed ^ mixed >> 15) & 0x7FFFFFFF) % partitions
