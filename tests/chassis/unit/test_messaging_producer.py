import asyncio
from hashlib import sha256
from typing import Any

import pytest

from chassis.messaging.clients import CLOSED, REFUSALS, KafkaError, Message, MessageRefused, TopicMissing
from chassis.messaging.dead_letters import DeadLetters, as_message
from chassis.messaging.producer import Answer, NotSent, Producer
from chassis.messaging.subscriptions import DeadLetter, Partition, Record
from chassis.settings import KafkaSettings
from chassis.testing.memory_broker import MemoryBroker, MemoryConnection
from tests.chassis.odd_headers import ON_ARRIVAL

YES, UNKNOWN, REFUSED, NO_TOPIC = Answer.ACKNOWLEDGED, Answer.UNKNOWN, Answer.REFUSED, Answer.NO_TOPIC
KAFKA = KafkaSettings(kafka_bootstrap="nowhere:1")


class Bench:
    """A producer on a broker in memory; every connection it ever made is kept."""

    def __init__(self, connection: type[MemoryConnection] = MemoryConnection) -> None:
        self.broker = MemoryBroker()
        self.connections: list[MemoryConnection] = []
        self._connection = connection
        self.producer = Producer(self._connect, send_seconds=0.2)

    def _connect(self) -> MemoryConnection:
        self.connections.append(self._connection(self.broker))
        return self.connections[-1]


def messages(*values: bytes, topic: str = "t") -> list[Message]:
    return [Message(topic, b"k", value) for value in values]


async def test_what_is_acknowledged_is_said_for_each() -> None:
    """One connection serves many sends; the order is that of the call."""
    bench = Bench()
    assert await bench.producer.send(messages(b"1", b"2")) == [YES, YES]
    assert await bench.producer.send(messages(b"3")) == [YES]
    assert bench.broker.values("t") == [b"1", b"2", b"3"]
    assert len(bench.connections) == 1


async def test_a_send_that_is_never_answered_ends_and_gives_the_connection_up() -> None:
    """After our own deadline the old connection can deliver nothing more and a new one is made."""
    bench = Bench()
    await bench.producer.send(messages(b"1"))
    bench.broker.down = True
    assert await bench.producer.send(messages(b"2")) == [UNKNOWN]
    assert bench.connections[0].abandoned
    bench.broker.down = False
    assert await bench.producer.send(messages(b"3")) == [YES]
    assert len(bench.connections) == 2


async def test_a_broker_that_is_not_there_is_no_exception() -> None:
    """Where no connection can be made, nothing was sent."""
    bench = Bench()
    bench.broker.down = True
    assert await bench.producer.send(messages(b"1", b"2")) == [UNKNOWN, UNKNOWN]
    assert all(connection.abandoned for connection in bench.connections)


class Choosy(MemoryConnection):
    """Refuses `huge`, fails `bad` after taking it and `refused` for good; `slow` never answers, `missing` is no topic."""

    failure: type[Exception] = KafkaError

    async def send(self, message: Message) -> "asyncio.Future[Any]":
        if message.topic == "slow":
            await asyncio.sleep(60)
        if message.topic == "missing":
            raise TopicMissing
        if message.value == b"huge":
            raise MessageRefused
        if message.value == b"bad":
            failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            failed.set_exception(KafkaError("not enough replicas"))
            return failed
        if message.value == b"failed":
            closed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            closed.set_exception(self.failure())
            return closed
        if message.value == b"refused":
            refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            refused.set_exception(REFUSALS[0]())
            return refused
        return await super().send(message)


async def test_a_refused_message_holds_up_no_other() -> None:
    """What can never be sent is answered False; the connection is kept."""
    bench = Bench(Choosy)
    assert await bench.producer.send(messages(b"1", b"huge", b"2")) == [YES, REFUSED, YES]
    assert not bench.connections[0].abandoned


async def test_a_failed_message_ends_the_connection() -> None:
    """An indefinite failure may leave a gap in the sequence, so the connection is made anew."""
    bench = Bench(Choosy)
    assert await bench.producer.send(messages(b"1", b"bad")) == [YES, UNKNOWN]
    assert bench.connections[0].abandoned


async def test_a_topic_that_does_not_answer_holds_up_its_own_messages_alone() -> None:
    """Messages of other topics are sent beside those that wait."""
    bench = Bench(Choosy)
    sent = await bench.producer.send([*messages(b"1", topic="slow"), *messages(b"2")])
    assert sent == [UNKNOWN, YES]


async def test_a_missing_topic_is_asked_for_once() -> None:
    """The first message that finds no topic speaks for all of them; the connection is kept."""
    bench = Bench(Choosy)
    sent = await bench.producer.send([*messages(b"1", b"2", b"3", topic="missing"), *messages(b"4")])
    assert sent == [NO_TOPIC, NO_TOPIC, NO_TOPIC, YES]
    assert not bench.connections[0].abandoned


@pytest.mark.parametrize("error", CLOSED)
async def test_a_topic_without_the_right_to_write_is_like_a_missing_one(error: type[Exception]) -> None:
    """It concerns all messages of the topic, so that they wait together and keep their order."""
    bench = Bench(Choosy)
    Choosy.failure = error
    assert await bench.producer.send(messages(b"1", b"failed")) == [YES, NO_TOPIC]


async def test_what_the_broker_refuses_for_good_is_told_apart() -> None:
    """A refusal that no repetition mends is not called unknown; the connection is made anew all the same."""
    bench = Bench(Choosy)
    assert await bench.producer.send(messages(b"1", b"refused")) == [YES, REFUSED]
    assert bench.connections[0].abandoned


async def test_a_cancelled_send_leaves_no_connection_behind() -> None:
    """Cancellation passes on, and what was queued is not delivered behind our back."""
    bench = Bench()
    await bench.producer.send(messages(b"1"))
    bench.broker.down = True
    task = asyncio.create_task(bench.producer.send(messages(b"2")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.connections[0].abandoned


async def test_dead_letters_that_are_not_acknowledged_are_an_error() -> None:
    """Without the broker's answer for each the offset must not be committed."""
    bench = Bench()
    letters = DeadLetters(KAFKA, "tests", sender=bench.producer)
    record = Record("t", 2, 9, b"k", b"\xff", (("h", b"\x00"),))
    await letters.write([DeadLetter(record, "malformed_event")])
    bench.broker.down = True
    with pytest.raises(NotSent):
        await letters.write([DeadLetter(record, "malformed_event")])
    assert bench.broker.values("tests.dead-letters.v1") == [b"\xff"]


@pytest.mark.parametrize("size", [1_500_000, 3_000_000], ids=["by the broker", "by the client"])
async def test_a_record_too_large_for_a_dead_letter_is_written_cut(size: int) -> None:
    """Refused as it is, its beginning is written with what it was in all; the letters beside it are whole."""
    bench = Bench()
    value = b"0123456789" * (size // 10)
    big, small = Record("t", 2, 9, b"k", value, (("h", b"1"),)), Record("t", 2, 10, b"k", b"small")
    await DeadLetters(KAFKA, "tests", sender=bench.producer).write([DeadLetter(each, "bad") for each in (big, small)])
    whole, cut = bench.broker.log(Partition("tests.dead-letters.v1", 0)).records
    assert (whole.value, dict(whole.headers)["dlq_offset"]) == (b"small", b"10")
    assert cut.value == value[:65_536]
    names = ["h", "dlq_reason", "dlq_topic", "dlq_partition", "dlq_offset", "dlq_truncated"]
    assert [name for name, _ in cut.headers] == names
    assert cut.headers[-1][1].decode() == f"value:{size}:{sha256(value).hexdigest()}"


async def test_whatever_is_large_about_a_record_its_letter_is_small() -> None:
    """Key, headers and their number are cut, too; what a reader needs to find the event is kept where it fits."""
    bench = Bench()
    headers = (("ce_id", b"1"), ("huge", b"x" * 2_000_000), *((ON_ARRIVAL, b"x"),) * 5_000, ("ce_source", b"s"))
    record = Record("t", 0, 0, b"k" * 2_000_000, None, headers)
    await DeadLetters(KAFKA, "tests", sender=bench.producer).write([DeadLetter(record, "bad")])
    [cut] = bench.broker.log(Partition("tests.dead-letters.v1", 0)).records
    assert cut.key == b"k" * 1_024
    assert sum(len(name.encode()) + len(value) for name, value in cut.headers) < 65_536
    assert cut.headers[0] == ("ce_id", b"1")
    assert cut.headers[-1][1].decode().split(",")[1] == "headers:5003"


async def test_a_letter_that_is_refused_although_small_is_an_error() -> None:
    """Nothing is called cut that was not, and nothing is acknowledged that is nowhere."""
    bench = Bench(Choosy)
    with pytest.raises(NotSent):
        await DeadLetters(KAFKA, "tests", sender=bench.producer).write(
            [DeadLetter(Record("t", 0, 0, b"k", b"huge"), "bad")]
        )
    assert bench.broker.values("tests.dead-letters.v1") == []


def test_a_dead_letter_is_the_record_and_its_reason() -> None:
    """Key, value and headers are the original's, also where it was a dead letter before."""
    headers = (("h", b"\x00"), ("dlq_reason", b"earlier"))
    message = as_message(DeadLetter(Record("t", 2, 9, b"k", None, headers), "refused", "detail"), "dead")
    assert message == Message(
        "dead",
        b"k",
        None,
        (*headers, ("dlq_reason", b"refused"), ("dlq_topic", b"t"), ("dlq_partition", b"2"), ("dlq_offset", b"9")),
    )


def test_a_record_without_key_and_value_can_be_written() -> None:
    """The client refuses to write neither, so such a record gets an empty key."""
    message = as_message(DeadLetter(Record("t", 0, 0, None, None), "malformed_event"), "dead")
    assert (message.key, message.value) == (b"", None)
