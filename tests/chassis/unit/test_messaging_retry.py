import asyncio
import itertools
from typing import Any

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from chassis.database import DatabaseUnavailable
from chassis.messaging.retry import TryAgain, back_off, classify


class DriverError(Exception):
    def __init__(self, sqlstate: str | None, text: str = "") -> None:
        super().__init__(text)
        self.sqlstate = sqlstate


def of_database(sqlstate: str | None, text: str = "", **more: Any) -> DBAPIError:
    return DBAPIError("SELECT", None, DriverError(sqlstate, text), **more)


@pytest.mark.parametrize(
    "error",
    [
        of_database("22P02"),
        of_database("22021"),
        of_database("23505"),
        of_database("42601"),
        of_database("25P02"),
        of_database("0A000", "COPY FROM not supported"),
        of_database(None, "the server expects 2 arguments"),
        IntegrityError("INSERT", None, DriverError("23503")),
        asyncpg.DataError("invalid input for query argument"),
        KeyError("name"),
        ValueError("text"),
        AssertionError(),
        FileNotFoundError("own file"),
        ExceptionGroup("both ours", [KeyError("a"), ValueError("b")]),
    ],
    ids=repr,
)
def test_refused_data_and_faults_of_our_own_are_poison(error: Exception) -> None:
    """Data that the database refuses and exceptions of our own code belong to one record."""
    assert classify(error) == "poison"


@pytest.mark.parametrize(
    "error",
    [
        *(of_database(state) for state in ("08006", "25P03", "40001", "40P01", "53100", "53300", "55P03", "57014")),
        *(of_database(state) for state in ("57P01", "58030", "XX000", "28P01", "42501", "42P01", "42703", "25006")),
        of_database("0A000", "cached statement plan is invalid"),
        of_database(None, "connection is closed"),
        of_database("22000", connection_invalidated=True),
        OperationalError("SELECT", None, DriverError("08001")),
        PoolExhausted(),
        DatabaseUnavailable("QueryCanceledError"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.InterfaceError("connection is closed"),
        TryAgain("S3 says SlowDown"),
        TimeoutError(),
        ConnectionResetError(),
        OSError(113, "No route to host"),
        KafkaConnectionError("no broker"),
        ExceptionGroup("one may pass", [KeyError("a"), TryAgain()]),
    ],
    ids=repr,
)
def test_trouble_that_passes_is_tried_again(error: Exception) -> None:
    """What is nobody's record's fault pauses the partition."""
    assert classify(error) == "retry"


def test_back_off_grows_to_its_limit_with_jitter() -> None:
    """Waits double up to the limit, each drawn from the upper half."""
    waits = list(itertools.islice(back_off(1, 4), 20))
    assert 0.5 <= waits[0] <= 1 <= waits[1] <= 2
    assert all(2 <= wait <= 4 for wait in waits[2:])
    assert len(set(waits)) > 10


async def test_a_pool_time_out_is_no_asyncio_time_out() -> None:
    """Both kinds of time-out are tried again, whichever class they are of."""
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0):
            await asyncio.sleep(1)
    assert classify(caught.value) == "retry"
