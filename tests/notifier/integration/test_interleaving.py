"""User and document of one customer at the same time: whichever transaction comes first, the mail is queued once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.messaging.subscriptions import Event
from chassis.migrations import tables_without_policy
from notifier.subscriptions import subscriptions
from notifier.wiring import service_work
from tests.notifier.samples import published, user_event

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
DAY = timedelta(days=1)
WIRED = subscriptions(CLOCK, too_old_after=7 * DAY, waits=30 * DAY)
HANDLERS: dict[str, Any] = {ce_type: handler for each in WIRED for ce_type, handler in each.handlers.items()}
Held = Callable[[], Awaitable[None]]


async def hear(database: Database, events: Sequence[Event], before_commit: Held | None = None) -> None:
    handler = HANDLERS[events[0].type]
    prepared = await handler.prepare(events)
    async with service_work(database, CLOCK)() as work:
        await handler.apply(prepared, work)
        if before_commit:
            await before_commit()


async def count(database: Database, statement: str) -> int:
    async with database.service_transaction() as conn:
        return int((await conn.execute(text(statement))).scalar_one())


@pytest.mark.parametrize("user_first", [True, False])
async def test_neither_misses_the_other(database: Database, *, user_first: bool) -> None:
    """The second transaction begins while the first is open, waits for its lock, and then sees what it wrote."""
    pair = [[user_event("UserCreated")], [published(time=CLOCK.now())]]
    first, second = pair if user_first else pair[::-1]
    begun, finish = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        begun.set()
        await finish.wait()

    one = asyncio.create_task(hear(database, first, hold))
    await begun.wait()
    other = asyncio.create_task(hear(database, second))
    await asyncio.sleep(0.3)
    assert not other.done(), "the customer's lock row holds it"
    finish.set()
    await asyncio.gather(one, other)
    assert await count(database, "SELECT count(*) FROM delivery WHERE state = 'queued'") == 1


async def test_many_customers_in_both_orders_do_not_deadlock(database: Database) -> None:
    """Locks are always taken in the same order; every document finds its user."""
    numbers = [f"{number:04}" for number in range(40)]
    users = [user_event("UserCreated", customer_number=number, user_id=str(uuid4())) for number in numbers]
    documents = [published(time=CLOCK.now(), customer_number=number) for number in numbers]
    await asyncio.gather(
        hear(database, users[:20]),
        hear(database, documents[::-1]),
        hear(database, users[:19:-1]),
    )
    assert await count(database, "SELECT count(*) FROM delivery WHERE state = 'queued'") == 40


async def test_the_same_event_in_two_consumers_takes_effect_once(database: Database) -> None:
    """After a rebalance two may hold it: one of them is told to try again, and finds it taken."""
    await hear(database, [user_event("UserCreated")])
    event = published(time=CLOCK.now())
    results = await asyncio.gather(*(hear(database, [event]) for _ in range(3)), return_exceptions=True)
    assert None in results
    assert await count(database, "SELECT count(*) FROM delivery") == 1


async def test_every_tenant_table_has_the_wall(database: Database) -> None:
    """No table with a customer's number is without its policy."""
    async with database.service_transaction() as conn:
        assert await tables_without_policy(conn) == {}


async def test_the_role_sees_nothing_without_a_tenant(database: Database) -> None:
    """Raw SQL as the service's own role: no scope, no rows; a customer's scope, that customer's rows."""
    await hear(database, [user_event("UserCreated"), user_event("UserCreated", customer_number="4712")])
    async with database.service_transaction() as conn:
        for scope, customer, rows in (("", "", 0), ("", "4711", 1), ("service", "", 2)):
            await conn.execute(
                text("SELECT set_config('app.scope', :scope, true), set_config('app.customer', :customer, true)"),
                {"scope": scope, "customer": customer},
            )
            assert (await conn.execute(text("SELECT count(*) FROM recipient"))).scalar_one() == rows


async def test_the_models_are_the_tables(notifier_url: str, database: Database) -> None:
    """What the code believes about its tables is what the migrations made."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 -- Alembic is no part of the service
    from alembic.migration import MigrationContext  # noqa: PLC0415 -- the same

    from notifier.adapters.tables import metadata  # noqa: PLC0415 -- the same

    def differences(conn: Any) -> list[Any]:
        names = metadata.tables.keys()
        context = MigrationContext.configure(
            conn, opts={"include_name": lambda name, kind, _: kind != "table" or name in names}
        )
        return list(compare_metadata(context, metadata))

    async with database.service_transaction() as conn:
        assert await conn.run_sync(differences) == []
