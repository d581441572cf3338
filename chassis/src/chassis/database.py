"""PostgreSQL: the one way to a connection is a transaction that says whose rows it may see.

Row-level security reads two settings that live as long as the transaction; they are its first statement, so a pooled
connection carries nothing over. Leaving the block commits, an exception rolls back, a cancellation never loses a connection.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from chassis.database_url import connector
from chassis.unavailable import Unavailable

POOL_TIMEOUT = timedelta(seconds=2)
CONNECT_TIMEOUT = timedelta(seconds=5)
STATEMENT_TIMEOUT = timedelta(seconds=20)
LOCK_TIMEOUT = timedelta(seconds=5)
# As long as a silent member belongs to its group: who stopped within a transaction holds up nobody for longer.
IDLE_TIMEOUT = timedelta(seconds=10)
TENANT_TIMEOUT = timedelta(seconds=5)
BEGIN_TIMEOUT = timedelta(seconds=3)
COMMIT_TIMEOUT = timedelta(seconds=10)
ROLLBACK_TIMEOUT = timedelta(seconds=3)
PING_TIMEOUT = timedelta(seconds=2)

# Connection lost, idle for too long, password being changed, deadlock or serialization failure, no resources, lock not to
# be had, operator's intervention, system error.
PASSING_STATES = ("08", "25P03", "28", "40", "53", "55", "57", "58")
PASSING_ERRORS = (PoolExhausted, ConnectionError, TimeoutError)

_SERVICE = text("SELECT set_config('app.scope', 'service', true)")
_TENANT = text("SELECT set_config('app.customer', :customer, true)")


class HasCustomer(Protocol):
    @property
    def customer_number(self) -> str: ...


class DatabaseUnavailable(Unavailable):
    """The database is busy, not there, or gave a statement up; later it may work.

    Nothing of the transaction has happened, unless the connection was lost in the very commit, where nobody knows.
    """


class Database:
    """A pool of connections. `pool_size` is all it ever opens; who finds none free within 2 s gets DatabaseUnavailable."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 6,
        application_name: str,
        pool_timeout: timedelta = POOL_TIMEOUT,
        statement_timeout: timedelta = STATEMENT_TIMEOUT,
        tenant_timeout: timedelta = TENANT_TIMEOUT,
    ) -> None:
        self._tenant_seconds = tenant_timeout.total_seconds()
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connector(
                url,
                application_name=application_name,
                connect_timeout=CONNECT_TIMEOUT,
                statement_timeout=statement_timeout,
                lock_timeout=LOCK_TIMEOUT,
                idle_timeout=IDLE_TIMEOUT,
            ),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout.total_seconds(),
            hide_parameters=True,
        )

    @asynccontextmanager
    async def service_transaction(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees every customer's rows: for consumers, the relay and jobs, never for a request of a person."""
        async with self._transaction("") as connection:
            yield connection

    @asynccontextmanager
    async def tenant_transaction(self, principal: HasCustomer) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees the rows of the principal's customer and no others.

        A person waits for it: what is not done within 5 s, the commit aside, is rolled back, and is DatabaseUnavailable.
        """
        if not principal.customer_number:
            raise ValueError("a tenant transaction needs a customer")
        async with self._transaction(principal.customer_number, self._tenant_seconds) as connection:
            yield connection

    async def ping(self, timeout: timedelta = PING_TIMEOUT) -> None:  # noqa: ASYNC109 - the limit belongs to the question
        """Return when the database answers a statement in time; else raises DatabaseUnavailable."""
        try:
            async with asyncio.timeout(timeout.total_seconds()), self._transaction(""):
                pass
        except TimeoutError as error:
            raise DatabaseUnavailable(f"no answer within {timeout.total_seconds():g} s") from error

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def _transaction(self, customer: str, seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(seconds) as limit:
                connection = await self._begin(customer)
                try:
                    yield connection
                except BaseException:
                    await _to_the_end(_give_up(connection))
                    raise
                limit.reschedule(None)
                await _to_the_end(_commit(connection))
        except (DBAPIError, *PASSING_ERRORS) as error:
            if isinstance(error, Unavailable) or not is_passing(error):
                raise
            raise DatabaseUnavailable(_name(error)) from error

    async def _begin(self, customer: str) -> AsyncConnection:
        """Open the transaction. A pooled connection that died meanwhile is noticed here, where one more try is harmless."""
        try:
            return await self._begin_once(customer)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        except OSError as error:  # no such host, no route: not every one of them is a ConnectionError
            raise DatabaseUnavailable(_name(error)) from error
        return await self._begin_once(customer)

    async def _begin_once(self, customer: str) -> AsyncConnection:
        connection = await self._engine.connect()
        try:
            async with asyncio.timeout(BEGIN_TIMEOUT.total_seconds()):
                if customer:
                    await connection.execute(_TENANT, {"customer": customer})
                else:
                    await connection.execute(_SERVICE)
        except TimeoutError:
            await _to_the_end(_throw_away(connection))
            raise
        except BaseException:
            await _to_the_end(_give_up(connection))
            raise
        return connection


def is_passing(error: BaseException) -> bool:
    """Whether only time mends this failure of a statement or connection."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PASSING_ERRORS)
    cause = getattr(error.orig, "__cause__", None)
    if error.connection_invalidated or isinstance(cause, asyncpg.InvalidCachedStatementError):
        return True  # the second: a migration changed a type; SQLAlchemy prepares anew next time
    state = getattr(error.orig, "sqlstate", None)
    return isinstance(state, str) and state.startswith(PASSING_STATES)


def _name(error: BaseException) -> str:
    """Name the driver's own error; SQLAlchemy wraps it twice."""
    original = getattr(error, "orig", None)
    return type(getattr(original, "__cause__", None) or original or error).__name__


async def _commit(connection: AsyncConnection) -> None:
    try:
        async with asyncio.timeout(COMMIT_TIMEOUT.total_seconds()):
            await connection.commit()
    except DBAPIError:
        raise
    except BaseException:
        await connection.invalidate()
        raise
    finally:
        await connection.close()


async def _give_up(connection: AsyncConnection) -> None:
    """Roll back. A connection that does not even do that is thrown away; what went wrong before is the news, not this."""
    try:
        async with asyncio.timeout(ROLLBACK_TIMEOUT.total_seconds()):
            await connection.rollback()
    except Exception:  # noqa: BLE001 - the caller raises what led here
        await connection.invalidate()
    finally:
        await connection.close()


async def _throw_away(connection: AsyncConnection) -> None:
    """Close a connection whose other end has fallen silent."""
    await connection.invalidate()
    await connection.close()


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end, however often this task is cancelled meanwhile; only then pass the cancellation on."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        task.result()
    else:
        raise cancelled from (None if task.cancelled() else task.exception())
