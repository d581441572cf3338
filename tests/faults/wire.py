"""Records byte for byte, past every client's opinion: written with header names that are no text, read from the broker's disk."""

import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from kundenportal_contracts.topics import Topic

RawHeaders = tuple[tuple[bytes, bytes | None], ...]

BATCH_BYTES = 1_048_576
# Up to and including the length, and from there to the first record (Kafka's record batch, magic 2).
_FRAME = struct.Struct(">qi")
_BATCH = struct.Struct(">ibIhiqqqhii")


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it lies on the disk; neither its place nor how it is packed (Kafka's codec, 0 to 4) is part of what it is."""

    key: bytes | None
    value: bytes | None
    headers: RawHeaders = ()
    codec: int = field(default=0, compare=False)


class _AnyName(str):
    """A header name of any bytes, for a client that would encode it."""

    __slots__ = ("raw",)
    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> Self:
        name = cls(raw.decode("utf-8", "replace"))
        name.raw = raw
        return name

    def encode(self, *_: Any, **__: Any) -> bytes:
        return self.raw


class RawSpeaker:
    """Writes what no client would: each record in a batch of its own, answered by the broker."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def put(self, topic: Topic, record: RawRecord, partition: int | None = None) -> tuple[str, int, int]:
        """Return where it stands: on the key's own partition, unless one is named."""
        if partition is None:
            partition = partition_of(record.key, topic.partitions)
        batch = self._producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, record.codec, 0, -1, -1, 0, BATCH_BYTES)
        headers = [(_AnyName.of(name), value) for name, value in record.headers]
        batch.append(timestamp=None, key=record.key, value=record.value, headers=headers)
        done = await (await self._producer.send_batch(batch, topic.name, partition=partition))
        return done.topic, done.partition, done.offset


@asynccontextmanager
async def raw_speaker(bootstrap: str) -> AsyncIterator[RawSpeaker]:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_request_size=2 * BATCH_BYTES, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    try:
        yield RawSpeaker(producer)
    finally:
        await producer.stop()


def partition_of(key: bytes | None, partitions: int) -> int:
    """Where every Kafka client puts this key."""
    return 0 if key is None else int(murmur2(key) & 0x7FFFFFFF) % partitions


def on_disk(logs: Path, topic: Topic) -> list[RawRecord]:
    """Everything in a topic, partition by partition, as it lies in the broker's own files."""
    found: list[RawRecord] = []
    for number in range(topic.partitions):
        for segment in sorted((logs / f"{topic.name}-{number}").glob("*.log")):
            found += read_batches(segment.read_bytes())
    return found


def read_batches(data: bytes) -> Iterator[RawRecord]:
    """Read uncompressed batches one after the other; a torn last one is left out."""
    at = 0
    while at + _FRAME.size <= len(data):
        _, length = _FRAME.unpack_from(data, at)
        end = at + _FRAME.size + length
        if length <= 0 or end > len(data):
            return
        *_, count = _checked(_BATCH.unpack_from(data, at + _FRAME.size))
        yield from _records(_Reader(data, at + _FRAME.size + _BATCH.size), count)
        at = end


def _checked(fields: tuple[Any, ...]) -> tuple[Any, ...]:
    _, magic, _, attributes, *_ = fields
    if magic != 2 or attributes & 0x07:
        raise ValueError(f"magic {magic}, attributes {attributes:#x}: not a batch that is read here")
    return fields


def _records(reader: "_Reader", count: int) -> Iterator[RawRecord]:
    for _ in range(count):
        reader.varint()  # length
        reader.take(1)  # attributes
        reader.varint()  # timestamp
        reader.varint()  # offset
        key, value = reader.nullable(), reader.nullable()
        headers = tuple((reader.take(reader.varint()), reader.nullable()) for _ in range(reader.varint()))
        yield RawRecord(key, value, headers)


@dataclass
class _Reader:
    data: bytes
    at: int

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def nullable(self) -> bytes | None:
        size = self.varint()
        return None if size < 0 else self.take(size)

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7


def names(headers: Sequence[tuple[str, bytes]]) -> RawHeaders:
    """Headers of a client as they lie on the wire."""
    return tuple((name.encode(), value) for name, value in headers)
