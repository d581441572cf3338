import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from chassis.health import Health
from chassis.messaging.clients import Message
from chassis.messaging.producer import Answer, Producer
from chassis.outbox.held import Waiting
from chassis.outbox.parking import Parking
from chassis.outbox.relay import Relay
from chassis.settings import KafkaSettings
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.simulation.clock import SimulatedClock
from chassis.testing.simulation.loop import SimulatedLoop
from tests.chassis.items import until
from tests.chassis.unit.test_outbox_relay import Bus, Table, relaying

YES, UNKNOWN, REFUSED, NO_TOPIC = Answer.ACKNOWLEDGED, Answer.UNKNOWN, Answer.REFUSED, Answer.NO_TOPIC


def row(number: int, topic: str = "t") -> Waiting:
    return Waiting(number, 0.0, Message(topic, b"k", str(number).encode()))


def test_a_missing_topic_waits_longer_each_time() -> None:
    """Its pause doubles from a second to half a minute, and ends for good once it answers."""
    clock = FrozenClock()
    parking, pauses = Parking(clock), []
    for _ in range(7):
        parking.judge([row(1), row(2)], [NO_TOPIC, NO_TOPIC])
        pauses.append(parking.seconds_left(60))
        clock.advance(timedelta(seconds=pauses[-1]))
        assert parking.left_out().topics == ()
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    parking.judge([row(1), row(2)], [YES, YES])
    parking.judge([row(3)], [NO_TOPIC])
    assert parking.seconds_left(60) == 1


def test_what_is_not_answered_is_tried_again_soon() -> None:
    """After an outage of any length in which nobody was answered no topic waits longer than 3 s; a plain no is no answer."""
    clock = FrozenClock()
    parking = Parking(clock)
    for answer in (UNKNOWN, False) * 10:
        parking.judge([row(1)], [answer])
        clock.advance(timedelta(seconds=parking.seconds_left(60)))
    parking.judge([row(1)], [UNKNOWN])
    assert parking.left_out().topics == ("t",)
    assert parking.seconds_left(60) == 3


def test_a_topic_that_fails_while_others_are_answered_waits_longer() -> None:
    """Each of its tries holds up the others for 10 s, so they are rare; its first failure may be everybody's."""
    clock = FrozenClock()
    parking, pauses = Parking(clock), []
    for _ in range(5):
        parking.judge([row(1, "sick"), row(2)], [UNKNOWN, YES])
        pauses.append(parking.seconds_left(60))
        clock.advance(timedelta(seconds=pauses[-1]))
        parking.judge([row(3)], [YES])
    assert pauses == pytest.approx([0.2, 10, 20, 30, 30])
    parking.judge([row(1, "sick"), row(2)], [UNKNOWN, UNKNOWN])
    assert parking.left_out().topics == ("sick", "t")
    clock.advance(timedelta(seconds=3))
    parking.judge([row(1, "sick"), row(2)], [UNKNOWN, UNKNOWN])
    assert parking.seconds_left(60) == pytest.approx(0.4)
    clock.advance(timedelta(seconds=1))
    assert parking.seconds_left(60) == pytest.approx(2)
    parking.judge([row(1, "sick")], [YES])
    parking.judge([row(1, "sick")], [UNKNOWN])
    assert parking.seconds_left(60) == pytest.approx(0.2)


def test_what_its_own_topic_answers_lets_no_topic_wait_longer() -> None:
    """Where nobody else has anything to say, the other partitions of the topic go on as often as they can."""
    clock = FrozenClock()
    parking = Parking(clock)
    for _ in range(10):
        parking.judge([row(1), row(2)], [UNKNOWN, YES])
        clock.advance(timedelta(seconds=parking.seconds_left(60)))
    parking.judge([row(1), row(2)], [UNKNOWN, YES])
    assert parking.seconds_left(60) == 3


class HalfDeaf:
    """A connection whose broker never answers for the topic `sick`."""

    def __init__(self, heard: Callable[[Message], None]) -> None:
        self._heard = heard

    async def start(self) -> None: ...

    async def send(self, message: Message) -> "asyncio.Future[None]":
        answer = asyncio.get_running_loop().create_future()
        if message.topic != "sick":
            self._heard(message)
            answer.set_result(None)
        return answer

    async def close(self, seconds: float) -> None: ...

    async def abandon(self) -> None: ...


def test_a_topic_that_does_not_answer_leaves_the_others_most_of_the_time() -> None:
    """In ten minutes beside it, seven of ten events of another topic are out within 2 s, and the rest within 13 s."""
    loop = SimulatedLoop(1)  # type: ignore[abstract] # what is missing is not supported
    clock, table = SimulatedClock(loop), Table()
    said: dict[bytes | None, float] = {}
    waited: list[float] = []

    def heard(message: Message) -> None:
        if message.value in said:
            waited.append(clock.monotonic() - said.pop(message.value))

    async def scenario() -> None:
        kafka = KafkaSettings(kafka_bootstrap="nowhere:1")
        sender = Producer(lambda: HalfDeaf(heard))
        relay = Relay("", kafka, health=Health(clock), clock=clock, sender=sender, holder=table.hold)
        task = asyncio.create_task(relay.run())
        table.rows[1] = row(1, "sick")
        for number in range(2, 1202):
            table.rows[number] = row(number)
            said[table.rows[number].message.value] = clock.monotonic()
            await asyncio.sleep(0.5)
        relay.stop()
        await task

    loop.run(scenario())
    assert len(waited) > 1150
    assert sum(seconds <= 2 for seconds in waited) / len(waited) >= 0.7
    assert max(waited) <= 13


def test_a_refused_row_waits_alone() -> None:
    """The rest of its topic goes on; after a minute it is tried again."""
    clock = FrozenClock()
    parking = Parking(clock)
    parking.judge([row(1), row(2)], [REFUSED, YES])
    assert (parking.left_out().topics, parking.left_out().ids) == ((), (1,))
    clock.advance(timedelta(seconds=60))
    assert parking.left_out().ids == ()


class Refusing(Bus):
    """Has no topic `missing` and refuses what is `huge`."""

    async def send(self, messages: Sequence[Message]) -> Sequence[Answer | bool]:
        self.sent += [message.value for message in messages]
        by_topic = {"missing": NO_TOPIC, "huge": REFUSED}
        return [by_topic.get(message.topic, YES) for message in messages]


async def test_thousands_that_cannot_go_out_hold_up_nobody() -> None:
    """More rows of a missing topic, and more refused ones, than one read takes: all others are out in a moment."""
    table, bus = Table(), Refusing()
    stuck = [row(number, "missing") for number in range(1, 1501)] + [
        row(number, "huge") for number in range(1501, 3001)
    ]
    table.rows = {each.id: each for each in [*stuck, *(row(number) for number in range(3001, 3101))]}
    async with relaying(table, bus):
        await until(lambda: len(table.rows) == len(stuck), 5)
    assert set(table.rows) == {each.id for each in stuck}
