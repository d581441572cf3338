from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from chassis.database import Database
from chassis.inbox.deduplicate import Inbox
from chassis.outbox.record import Outbox
from chassis.outbox.watch import EVERY, TableWatch
from chassis.testing.frozen_clock import FrozenClock
from tests.chassis.items import ItemNamed, event
from tests.chassis.stand import Stand
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def stand(postgres: PostgresServer) -> AsyncIterator[Stand]:
    async with Stand(postgres.create_database("watch"), "nowhere:1") as stand:
        yield stand


def sample(name: str) -> float:
    value = REGISTRY.get_sample_value(f"kundenportal_{name}")
    assert value is not None
    return value


async def test_outbox_and_inbox_are_measured_without_any_relay(stand: Stand) -> None:
    """Nobody publishes here: rows, the age of the oldest and the inbox are told all the same."""
    watch = TableWatch(stand.database, FrozenClock())
    await watch()
    assert (sample("outbox_rows"), sample("outbox_oldest_seconds"), sample("inbox_rows")) == (0, 0, 0)
    async with stand.database.service_transaction() as conn:
        await Outbox(conn, source="tests", clock=FrozenClock()).add_all([ItemNamed(item=str(n)) for n in range(3)])
        await conn.exec_driver_sql("UPDATE outbox SET created_at = created_at - interval '90 seconds' WHERE id = 1")
        await Inbox(conn).take([event("a"), event("b")])
    await watch()
    assert (sample("outbox_rows"), sample("inbox_rows")) == (3, 2)
    assert 90 <= sample("outbox_oldest_seconds") < 100
    assert sample("inbox_bytes") > 8000


async def test_what_waits_grows_older_while_the_database_is_away(stand: Stand) -> None:
    """The age goes on with the clock once a measurement is overdue; with nothing waiting it stays 0."""
    clock = FrozenClock()
    watch = TableWatch(stand.database, clock)
    async with stand.database.service_transaction() as conn:
        await Outbox(conn, source="tests", clock=clock).add(ItemNamed(item="a"))
    await watch()
    assert sample("outbox_oldest_seconds") < 5
    watch._database = Database("postgresql://nobody:x@127.0.0.1:1/none", pool_size=1, application_name="away")
    clock.advance(EVERY + timedelta(minutes=2))
    await watch()
    assert 120 <= sample("outbox_oldest_seconds") < 125
