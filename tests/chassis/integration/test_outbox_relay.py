import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import ClassVar

import pytest
import pytest_asyncio

from chassis.clock import SystemClock
from chassis.messaging.clients import Message
from chassis.messaging.producer import producer
from chassis.outbox.record import Outbox
from chassis.outbox.relay import Relay
from chassis.testing.frozen_clock import FrozenClock
from kundenportal_contracts.topics import Topic
from tests.chassis.items import ITEMS, ItemLost, ItemNamed
from tests.chassis.stand import Stand, read_all, running, terminate_all, until_async
from tests.fixtures.broker import Broker
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def stand(broker: Broker, postgres: PostgresServer) -> AsyncIterator[Stand]:
    await broker.create_topics([ITEMS])
    async with Stand(postgres.create_database("relay"), broker.bootstrap) as stand:
        yield stand


async def say(stand: Stand, *items: str) -> None:
    async with stand.database.service_transaction() as conn:
        await Outbox(conn, source="tests", clock=FrozenClock()).add_all([ItemNamed(item=item) for item in items])


async def published(stand: Stand) -> None:
    await until_async(stand.waiting, 0, 15)


class Crashes:
    """A sender that dies between the broker's answer and ours."""

    def __init__(self, stand: Stand) -> None:
        self._producer = producer(stand.kafka, client_id="crashes")
        self.sent = asyncio.Event()

    async def send(self, messages: Sequence[Message]) -> list[bool]:
        assert all(await self._producer.send(messages))
        self.sent.set()
        raise asyncio.CancelledError

    async def close(self) -> None:
        await self._producer.close()


async def test_a_crash_between_answer_and_delete_repeats_the_same_event(stand: Stand, broker: Broker) -> None:
    """The row is sent again under the same ce_id with the same bytes, and then forgotten."""
    await say(stand, "a")
    crashes = Crashes(stand)
    relay = Relay(stand.dsn, stand.kafka, health=stand.health, clock=SystemClock(), sender=crashes)
    with pytest.raises(asyncio.CancelledError):
        await relay.run()
    assert await stand.waiting() == 1
    async with running(stand.relay()):
        await published(stand)
    first, second = await read_all(broker.bootstrap, ITEMS, expect=2)
    assert (first.key, first.value, first.headers) == (second.key, second.value, second.headers)


async def test_a_rollback_unsays_and_order_is_kept(stand: Stand, broker: Broker) -> None:
    """Only committed events are published; those of one key in the order in which they were said."""
    async with running(stand.relay()):
        for number in range(20):
            with contextlib.suppress(KeyError):
                async with stand.database.service_transaction() as conn:
                    await Outbox(conn, source="tests", clock=FrozenClock()).add(ItemLost(item="never"))
                    raise KeyError
            async with stand.database.service_transaction() as conn:
                await Outbox(conn, source="tests", clock=FrozenClock()).add(ItemNamed(item="k", text=str(number)))
        await published(stand)
    records = await read_all(broker.bootstrap, ITEMS, expect=20)
    assert [record.value for record in records] == [f'{{"item":"k","text":"{n}"}}'.encode() for n in range(20)]


async def test_the_commit_wakes_the_relay(stand: Stand) -> None:
    """An event is out well before the next poll is due."""
    async with running(stand.relay()):
        await say(stand, "first")
        await published(stand)
        began = asyncio.get_running_loop().time()
        for number in range(5):
            await say(stand, str(number))
            await published(stand)
        assert asyncio.get_running_loop().time() - began < 3


async def test_a_row_committed_late_is_published(stand: Stand, broker: Broker) -> None:
    """A lower id that becomes visible after higher ones were published is found, also far below them."""
    async with running(stand.relay()):
        async with stand.database.service_transaction() as conn:
            await Outbox(conn, source="tests", clock=FrozenClock()).add(ItemNamed(item="late"))
            for start in range(0, 3000, 1000):
                await say(stand, *(str(number) for number in range(start, start + 1000)))
            await published(stand)
        await published(stand)
    records = await read_all(broker.bootstrap, ITEMS, expect=3001)
    assert [record.key for record in records].count(b"late") == 1
    assert len(records) == 3001


async def test_one_relay_is_active_and_another_takes_over(stand: Stand, broker: Broker) -> None:
    """Two relays send nothing twice; when the active one stops, the other goes on."""
    active, standby = stand.relay(), stand.relay()
    async with running(standby):
        async with running(active):
            await say(stand, *(str(number) for number in range(100)))
            await published(stand)
        await say(stand, "after")
        await published(stand)
    assert len(await read_all(broker.bootstrap, ITEMS, expect=101)) == 101


async def test_a_lost_session_ends_the_round_and_another_begins(
    stand: Stand, broker: Broker, postgres: PostgresServer
) -> None:
    """The relay comes back from ended sessions by itself; nothing is lost."""
    async with running(stand.relay()):
        for number in range(5):
            await terminate_all(postgres.superuser_dsn, stand.dsn)
            await say(stand, str(number))
        await published(stand)
    keys = {record.key for record in await read_all(broker.bootstrap, ITEMS, expect=5)}
    assert keys == {str(number).encode() for number in range(5)}


async def test_a_tombstone_and_a_large_row_are_published(stand: Stand, broker: Broker) -> None:
    """A null value stays null; a value near the topic's limit goes out beside small ones."""
    async with stand.database.service_transaction() as conn:
        outbox = Outbox(conn, source="tests", clock=FrozenClock())
        await outbox.tombstone(ITEMS, "gone", ItemLost.ce_type)
        await outbox.add_all([ItemNamed(item=str(number), text="x" * 1_000_000) for number in range(6)])
    async with running(stand.relay()):
        await published(stand)
    sizes = sorted(len(record.value or b"") for record in await read_all(broker.bootstrap, ITEMS, expect=7))
    assert sizes[0] == 0
    assert min(sizes[1:]) > 1_000_000


async def test_what_cannot_be_sent_stays_and_holds_up_nobody(stand: Stand, broker: Broker) -> None:
    """A row larger than any request stays in the outbox; those after it are published."""
    async with stand.database.service_transaction() as conn:
        outbox = Outbox(conn, source="tests", clock=FrozenClock())
        await outbox.add(ItemNamed(item="huge", text="x" * 3_000_000))
        await outbox.add_all([ItemNamed(item=str(number)) for number in range(5)])
    async with running(stand.relay()):
        await until_async(stand.waiting, 1, 15)
    assert len(await read_all(broker.bootstrap, ITEMS, expect=5)) == 5


class Stray(ItemNamed):
    topic: ClassVar[Topic] = Topic("tests.nowhere.v1", 1, timedelta(days=1), 1_048_576, "item")


async def test_rows_of_a_missing_topic_hold_up_nobody(stand: Stand, broker: Broker) -> None:
    """More of them than one read takes cost the others seconds at most; once the topic is there they go out, too."""
    async with stand.database.service_transaction() as conn:
        outbox = Outbox(conn, source="tests", clock=FrozenClock())
        await outbox.add_all([Stray(item=str(number)) for number in range(1500)])
        await outbox.add_all([ItemNamed(item=str(number)) for number in range(50)])
    async with running(stand.relay()):
        await until_async(stand.waiting, 1500, 10)
        began = asyncio.get_running_loop().time()
        for number in range(5):
            await say(stand, f"later {number}")
            await until_async(stand.waiting, 1500, 10)
        assert asyncio.get_running_loop().time() - began < 10
        await broker.create_topics([Stray.topic])
        await until_async(stand.waiting, 0, 40)
    assert len(await read_all(broker.bootstrap, Stray.topic, expect=1500)) == 1500
