from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c

from chassis.messaging.undecoded import fetch_undecoded, readable_name
from tests.chassis.odd_headers import LATIN_1, ON_ARRIVAL, raw

PLACE = TopicPartition("t", 0)
HEADERS: list[tuple[str, bytes | None]] = [("a", b"1"), (raw(LATIN_1), b"\xff"), ("none", None), ("", b"")]


def batch(records: int, base: int = 0) -> bytes:
    """A batch of records as a broker keeps it."""
    builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 1_000_000)
    for offset in range(records):
        builder.append(offset, timestamp=1, key=None, value=str(base + offset).encode(), headers=HEADERS)
    built = bytearray(builder.build())
    built[0:8] = base.to_bytes(8, "big")
    return bytes(built)


def packed(codec: int) -> bytes:
    """A batch that says it is compressed with this codec, and is not; the checksum is right."""
    data = bytearray(batch(1, base=7))
    data[21:23] = codec.to_bytes(2, "big")
    data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")
    return bytes(data)


@dataclass
class Client:
    """A broker that answers a fetch with these bytes."""

    data: bytes
    code: int = 0
    leader: int = 1
    asked: list[Any] = field(default_factory=list)

    @property
    def cluster(self) -> "Client":
        return self

    def leader_for_partition(self, _: TopicPartition) -> int:
        return self.leader

    async def send(self, _node: int, request: Any) -> "Client":
        self.asked.append(request)
        return self

    @property
    def topics(self) -> list[Any]:
        return [("t", [(0, self.code, 99, 99, 0, [], self.data)])]


async def test_names_of_any_bytes_are_read() -> None:
    """Offsets, null and empty parts and every byte of a name are there."""
    (first, second), following = await fetch_undecoded(Client(batch(2, base=7)), PLACE, 7)
    assert (first.offset, first.key, first.value, second.offset, following) == (7, None, b"7", 8, 9)
    assert dict(first.headers) == {"a": b"1", ON_ARRIVAL: b"\xff", "none": None, "": b""}
    assert ON_ARRIVAL.encode("utf-8", "surrogateescape") == LATIN_1
    assert readable_name(ON_ARRIVAL) == r"\xfcberschrift"


async def test_reading_goes_on_in_the_midst_of_a_batch() -> None:
    """What was taken before is not taken again; the next batch is left for the next time."""
    records, following = await fetch_undecoded(Client(batch(3) + batch(2, base=3)), PLACE, 2)
    assert ([record.offset for record in records], following) == ([2], 3)


async def test_where_nothing_is_left_of_a_batch_reading_goes_on_behind_it() -> None:
    """A position behind the last record that there is never stands still for ever."""
    assert await fetch_undecoded(Client(batch(3)), PLACE, 3) == ([], 3)
    assert await fetch_undecoded(Client(batch(3) + batch(1, base=9)), PLACE, 4) != ([], 4)
    assert await fetch_undecoded(Client(b"", leader=-1), PLACE, 4) == ([], 4)


@pytest.mark.parametrize("broken", [40, 61, 70, 75])
async def test_damaged_bytes_are_an_error_and_no_record(broken: int) -> None:
    """The checksum is believed, not the bytes."""
    data = bytearray(batch(1))
    data[broken] ^= 0xFF
    with pytest.raises(KafkaError):
        await fetch_undecoded(Client(bytes(data)), PLACE, 0)


async def test_a_refusal_of_the_broker_is_an_error() -> None:
    """Moved or gone partitions are the membership's affair."""
    with pytest.raises(KafkaError):
        await fetch_undecoded(Client(b"", code=6), PLACE, 0)
