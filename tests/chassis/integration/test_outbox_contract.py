"""One suite for what is said: the fakes that services test with behave like the table behind the relay."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio

from chassis.outbox.record import Outbox, OutboxRow, OutboxWriter, Outgoing
from chassis.telemetry import consumer_span
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.memory_outbox import MemoryOutbox
from chassis.testing.memory_store import MemoryStore, MemoryTransaction
from chassis.testing.memory_tables import OUTBOX, StoredOutbox
from kundenportal_contracts.envelope import encode, read_envelope
from tests.chassis.items import ITEMS, TRACEPARENT, ItemLost, ItemNamed, event
from tests.chassis.stand import Stand

pytestmark = pytest.mark.integration

CLOCK = FrozenClock()
FIXED = UUID(int=7)


@dataclass
class Subject:
    outbox: OutboxWriter
    rows: Callable[[], Awaitable[list[OutboxRow]]]


@pytest_asyncio.fixture(params=["memory", "store", "postgres"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "memory":
        fake = MemoryOutbox(source="tests", clock=CLOCK)

        async def said() -> list[OutboxRow]:
            return fake.rows

        yield Subject(fake, said)
        return
    if request.param == "store":
        store = MemoryStore()
        transaction = MemoryTransaction(store.open())

        async def kept() -> list[OutboxRow]:
            return [row for _, row in sorted((await transaction.all(OUTBOX)).items())]

        yield Subject(StoredOutbox(transaction, source="tests", clock=CLOCK), kept)
        return
    stand = Stand(request.getfixturevalue("postgres").create_database("outbox"), "nowhere:1")
    async with stand, stand.database.service_transaction() as conn:

        async def stored() -> list[OutboxRow]:
            rows = await conn.exec_driver_sql("SELECT *, headers::text AS told FROM outbox ORDER BY id")
            return [
                OutboxRow(
                    row.ce_id,
                    row.topic,
                    row.key,
                    row.ce_type,
                    row.value,
                    tuple((name, value.encode()) for name, value in json.loads(row.told)),
                )
                for row in rows
            ]

        yield Subject(Outbox(conn, source="tests", clock=CLOCK), stored)


async def test_an_event_is_said_with_its_whole_envelope(subject: Subject) -> None:
    """Topic, key, type and value are the event's, the headers a complete CloudEvents envelope."""
    said = ItemNamed(item="Größe ł", text="„ja“")
    ce_id = await subject.outbox.add(said)
    (row,) = await subject.rows()
    assert (row.ce_id, row.topic, row.key, row.ce_type) == (ce_id, ITEMS.name, "Größe ł", ItemNamed.ce_type)
    assert row.value == encode(said)
    envelope = read_envelope(row.headers)
    assert (envelope.id, envelope.source, envelope.type) == (str(ce_id), "tests", ItemNamed.ce_type)
    assert envelope.time == CLOCK.now()


async def test_events_keep_the_order_in_which_they_are_said(subject: Subject) -> None:
    """One call or several: rows follow each other as said, with an id each."""
    first = await subject.outbox.add_all([ItemNamed(item=str(number)) for number in range(50)])
    then = await subject.outbox.add(ItemLost(item="50"))
    rows = await subject.rows()
    assert [row.key for row in rows] == [str(number) for number in range(51)]
    assert [row.ce_id for row in rows] == [*first, then]
    assert len(set(first)) == 50


async def test_key_and_id_may_be_chosen(subject: Subject) -> None:
    """A fixed id says the same thing again under the same name."""
    given = await subject.outbox.add(ItemNamed(item="a"), key="other", event_id=FIXED)
    (row,) = await subject.rows()
    assert (given, row.ce_id, row.key) == (FIXED, FIXED, "other")


async def test_a_tombstone_has_a_null_value_and_an_envelope(subject: Subject) -> None:
    """Forgetting a key is a record without a value that still says what it is."""
    await subject.outbox.tombstone(ITEMS, "a", ItemLost.ce_type)
    (row,) = await subject.rows()
    assert (row.topic, row.key, row.value) == (ITEMS.name, "a", None)
    assert read_envelope(row.headers).type == ItemLost.ce_type


async def test_each_event_carries_the_trace_of_its_cause(subject: Subject) -> None:
    """Among events of many traces each follows its own; without a cause it follows the current one."""
    cause = event("a", trace=TRACEPARENT)
    await subject.outbox.add_all([Outgoing(ItemLost(item="a"), caused_by=cause), ItemLost(item="b")])
    with cause.trace():
        await subject.outbox.add(ItemLost(item="c"))
    with consumer_span("other"):
        await subject.outbox.add(ItemLost(item="d"), caused_by=cause)
    rows = await subject.rows()
    carried = [dict(row.headers).get("traceparent") for row in rows]
    assert carried == [TRACEPARENT, None, TRACEPARENT, TRACEPARENT]


async def test_saying_nothing_is_nothing(subject: Subject) -> None:
    """An empty list writes no row."""
    assert await subject.outbox.add_all([]) == []
    assert await subject.rows() == []
