from collections.abc import Sequence
from datetime import timedelta

from chassis.messaging.clients import Message
from chassis.messaging.producer import Answer
from chassis.outbox.held import Waiting
from chassis.outbox.parking import Parking
from chassis.testing.frozen_clock import FrozenClock
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
    """Also after an outage of any length no topic waits longer than 3 s for its next try; a plain no counts the same."""
    clock = FrozenClock()
    parking = Parking(clock)
    for answer in (UNKNOWN, False) * 10:
        parking.judge([row(1)], [answer])
        clock.advance(timedelta(seconds=parking.seconds_left(60)))
    parking.judge([row(1)], [UNKNOWN])
    assert parking.left_out().topics == ("t",)
    assert parking.seconds_left(60) == 3


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
