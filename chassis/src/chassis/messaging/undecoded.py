"""Reads records that aiokafka cannot: a header name may be any bytes on the wire, and aiokafka takes UTF-8 alone.

Such a name arrives with its odd bytes as surrogates (`surrogateescape`), so that no byte is lost; see `readable_name`.
"""

import struct
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from typing import Any

from aiokafka.errors import CorruptRecordException, UnsupportedCodecError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint
from aiokafka.structs import TopicPartition
from cramjam import DecompressionError

from chassis.messaging.records import Record

WAIT_MS = 500
BYTES = 4 * 1_048_576
MAGIC_OFFSET = 16
MAGIC = 2
NOT_UNPACKED = (DecompressionError, zlib.error, BadGzipFile, EOFError, struct.error)
UNREADABLE = (UnicodeDecodeError, CorruptRecordException, UnsupportedCodecError, *NOT_UNPACKED)
"""What aiokafka raises where it can make nothing of a partition's bytes; everything else concerns the connection."""


async def fetch_undecoded(client: Any, partition: TopicPartition, position: int) -> tuple[list[Record], int]:
    """The records of the first batch that reaches `position`, from there on, and the offset to go on at.

    Raises KafkaError, CorruptRecordException where there is no making sense of the bytes.
    """
    leader = client.cluster.leader_for_partition(partition)
    if leader is None or leader < 0:
        return [], position
    asked = [(partition.topic, [(partition.partition, position, BYTES)])]
    answer = await client.send(leader, FetchRequest(WAIT_MS, 1, BYTES, 0, asked, rack_id=""))
    for _, partitions in answer.topics:
        for _, code, _, *rest in partitions:
            if code:
                raise for_code(code)(partition)
            try:
                for batch in _batches(rest[-1]):
                    if records := [record for record in _records(batch, partition) if record.offset >= position]:
                        return records, records[-1].offset + 1
                    position = max(position, batch.next_offset)
            except (ValueError, IndexError, *NOT_UNPACKED) as error:
                raise CorruptRecordException(type(error).__name__) from error
    return [], position


def readable_name(name: str) -> str:
    """A name for people and for other headers: bytes that are not UTF-8 stand there as backslash, x and two digits."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _batches(data: bytes) -> Iterator[Any]:
    slices = _MemoryRecordsPy(data)
    while slices.has_next():
        part = slices._next_slice  # noqa: SLF001 - its own decoder is what has to be gone round
        slices._cache_next()  # noqa: SLF001 - see above
        if part[MAGIC_OFFSET] != MAGIC:
            raise CorruptRecordException("the batch is of an old format")
        batch = _DefaultRecordBatchPy(part)
        if not batch.validate_crc():
            raise CorruptRecordException("the checksum of the batch is wrong")
        if not batch.is_control_batch:
            batch._maybe_uncompress()  # noqa: SLF001 - see above
            yield batch


def _records(batch: Any, partition: TopicPartition) -> Iterator[Record]:
    """Kafka's record format v2: lengths and deltas are varints, -1 is null."""
    cursor = _Cursor(batch._buffer, batch._pos)  # noqa: SLF001 - see above
    for _ in range(batch._num_records):  # noqa: SLF001 - see above
        cursor.skip(3)  # length, attributes, time
        offset = batch.base_offset + cursor.number()
        key, value = cursor.bytes(), cursor.bytes()
        headers = tuple((_name(cursor.bytes()), cursor.bytes()) for _ in range(cursor.number()))
        yield Record(partition.topic, partition.partition, offset, key, value, headers)  # type: ignore[arg-type]


def _name(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "surrogateescape")


class _Cursor:
    def __init__(self, buffer: bytes, at: int) -> None:
        self._buffer = buffer
        self._at = at

    def number(self) -> int:
        number: int
        number, self._at = decode_varint(self._buffer, self._at)
        return number

    def skip(self, numbers: int) -> None:
        for _ in range(numbers):
            self.number()

    def bytes(self) -> bytes | None:
        length = self.number()
        if length < 0:
            return None
        start, self._at = self._at, self._at + length
        if self._at > len(self._buffer):
            raise IndexError("the record ends before its bytes")
        return bytes(self._buffer[start : self._at])
