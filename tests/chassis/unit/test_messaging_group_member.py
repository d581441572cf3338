from dataclasses import dataclass, field
from typing import Any

import cramjam
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, UnsupportedCodecError

from chassis.messaging.group_member import GroupMember
from chassis.messaging.records import Record
from chassis.messaging.subscriptions import Partition
from chassis.settings import KafkaSettings
from tests.chassis.unit.test_messaging_undecoded import Client, packed

PLACE = Partition("t", 0)


@dataclass
class Reader:
    """In place of aiokafka's consumer: every poll of it fails."""

    failure: Exception
    _client: Client
    sought: list[int] = field(default_factory=list)

    async def getmany(self, *_: TopicPartition, **__: Any) -> Any:
        raise self.failure

    async def position(self, _: TopicPartition) -> int:
        return 7

    def seek(self, _: TopicPartition, offset: int) -> None:
        self.sought.append(offset)


async def polled(reader: Reader) -> list[Record]:
    async def revoked() -> None: ...

    kafka = KafkaSettings(kafka_bootstrap="nowhere:1")
    member = GroupMember(kafka, group="g", topics=["t"], on_assigned=lambda _: None, on_revoked=revoked)
    real, member._consumer = member._consumer, reader
    await real.stop()
    return await member.poll(PLACE, seconds=0.01, max_records=10)


@pytest.mark.parametrize("codec", [1, 2, 3, 4, 5, 7])
async def test_what_cannot_be_unpacked_holds_up_its_own_partition_alone(codec: int) -> None:
    """A codec that nobody knows, or bytes that are not of theirs: nothing is taken, nothing skipped, the member stays."""
    for failure in (UnsupportedCodecError(), cramjam.DecompressionError("no such frame"), EOFError()):
        reader = Reader(failure, Client(packed(codec)))
        assert await polled(reader) == []
        assert reader.sought == []


async def test_a_failure_of_the_group_ends_the_membership() -> None:
    """What says nothing about the bytes is not taken for damage."""
    failure: KafkaError = TopicAuthorizationFailedError("t")
    with pytest.raises(TopicAuthorizationFailedError):
        await polled(Reader(failure, Client(b"")))
