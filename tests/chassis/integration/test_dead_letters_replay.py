from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from chassis.clock import SystemClock
from chassis.dead_letters.desk import Desk, Signature
from chassis.messaging.clients import Message
from chassis.messaging.producer import Answer, Producer, producer
from chassis.messaging.topic_reader import TopicReader
from tests.chassis.items import ITEMS, message
from tests.chassis.stand import DEAD_LETTERS, Stand, read_all, running
from tests.fixtures.broker import Broker
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration

ME = Signature("Zoë")


@pytest_asyncio.fixture
async def stand(broker: Broker, postgres: PostgresServer) -> AsyncIterator[Stand]:
    await broker.create_topics([ITEMS, DEAD_LETTERS])
    async with Stand(postgres.create_database("replay"), broker.bootstrap) as stand:
        yield stand


class Interrupted:
    """Falls silent once it has sent so many times; what it sent may have been written all the same."""

    def __init__(self, sender: Producer, sends: int) -> None:
        self._sender = sender
        self._left = sends

    async def send(self, messages: Sequence[Message]) -> Sequence[Answer]:
        self._left -= 1
        answers = await self._sender.send(messages) if self._left >= 0 else []
        return answers if self._left > 0 else [Answer.UNKNOWN] * len(messages)


@asynccontextmanager
async def desk(stand: Stand, sends: int = 1000) -> AsyncIterator[Desk]:
    sender = producer(stand.kafka, client_id="test")
    try:
        async with TopicReader(stand.kafka) as reader:
            yield Desk(DEAD_LETTERS, reader, Interrupted(sender, sends), SystemClock())
    finally:
        await sender.close()


async def test_what_was_mended_takes_effect_by_a_replay(stand: Stand, broker: Broker) -> None:
    """Poison becomes a letter; once the fault is gone a replay files it, and interrupted and repeated it files it once."""
    names = [f"poison {number}" for number in range(3)]
    await stand.send(*(message(name) for name in names))
    async with running(stand.consumer()):
        await stand.until_acknowledged(3)
        async with stand.database.service_transaction() as conn:
            await conn.exec_driver_sql("ALTER TABLE item DROP CONSTRAINT item_item_check")
        # silent from the start; with the letters written; with the notes written, too
        for sends in (0, 1, 2):
            async with desk(stand, sends) as at:
                outcomes = await at.replay(await at.letters(), ME)
                assert [each.done for each in outcomes] == [False] * 3
        await stand.until_filed(names)
        async with desk(stand) as at:
            assert [each.note is not None for each in await at.letters()] == [True] * 3
    assert len(await read_all(broker.bootstrap, ITEMS, expect=9)) == 9
    assert await stand.items() == names


async def test_letters_left_are_said_to_be_left(stand: Stand) -> None:
    """A broker that falls silent ends the replay: what was not tried is named, and open still."""
    items = [message(f"poison {number}") for number in range(150)]
    await stand.send(*items)
    async with running(stand.consumer()):
        await stand.until_acknowledged(150)
    async with desk(stand, sends=0) as at:
        outcomes = await at.replay(await at.letters(), ME)
        assert sorted({each.words for each in outcomes}) == [
            "no answer from the broker; it may have been written, repeating it is safe",
            "not tried",
        ]
        assert not any(each.note for each in await at.letters())
