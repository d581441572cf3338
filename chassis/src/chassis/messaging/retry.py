"""What to do after a failure: try the batch again later, or look for the record that cannot be handled."""

import random
from collections.abc import Iterator
from typing import Literal

import asyncpg
from sqlalchemy import exc as sa_exc

from chassis.messaging.clients import KafkaError

Verdict = Literal["retry", "poison"]

POISON_STATES = ("22", "23", "25P02")
# Trouble of the server or the road to it (08 40 53 55 57 58 XX, a closed session 25), of credentials being rotated (28),
# a right that the service's role lacks (42501, in a service transaction never about one row more than another),
# and a schema that is not yet, or no longer, the one this code was written for (3D 3F, 42P01 and its like, 0A000).
PASSING_STATES = (
    "08",
    "25",
    "26",
    "28",
    "3D",
    "3F",
    "40",
    "53",
    "55",
    "57",
    "58",
    "XX",
    "42501",
    "42P01",
    "42703",
    "42704",
    "42883",
)
STALE_PLAN = ("0A000", "cached")
BROKEN_SESSION_WORDS = ("closed", "another operation", "released back to the pool")
FILE_MISTAKES = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)


class TryAgain(Exception):
    """Passing trouble at something outside (S3, HTTP, SMTP); adapters raise it so that the batch is repeated."""


PASSING = (
    TryAgain,
    TimeoutError,
    ConnectionError,
    KafkaError,
    sa_exc.TimeoutError,
    sa_exc.PendingRollbackError,
    MemoryError,
)


def classify(error: BaseException) -> Verdict:
    """Sort a failure by what to do next.

    "retry": nothing is wrong with the record; pause its partition, back off, repeat in order. "poison": data that the
    database refuses (SQLSTATE 22, 23) or a fault of our own code; bisect until the record stands alone. Of
    several failures at once (a task group), one that may pass is enough to try again.
    """
    if isinstance(error, BaseExceptionGroup):
        return "retry" if any(classify(inner) == "retry" for inner in error.exceptions) else "poison"
    if isinstance(error, PASSING):
        return "retry"
    if isinstance(error, sa_exc.DBAPIError):
        return "retry" if error.connection_invalidated else _classify_driver(error.orig)
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return _classify_driver(error)
    if isinstance(error, OSError) and not isinstance(error, FILE_MISTAKES):
        return "retry"
    return "poison"


def sqlstate(error: BaseException | None) -> str | None:
    """Find the SQLSTATE that a failure carries, through SQLAlchemy's wrapping too."""
    state = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _classify_driver(error: BaseException | None) -> Verdict:
    state, text = sqlstate(error), str(error)
    if state is None:
        return "retry" if any(word in text for word in BROKEN_SESSION_WORDS) else "poison"
    if state.startswith(POISON_STATES):
        return "poison"
    if state == STALE_PLAN[0]:
        return "retry" if STALE_PLAN[1] in text else "poison"
    return "retry" if state.startswith(PASSING_STATES) else "poison"


def back_off(first: float = 0.2, most: float = 10.0) -> Iterator[float]:
    """Seconds to wait before each further try: doubling up to `most`, each drawn between half and all of it."""
    step = first
    while True:
        yield random.uniform(step / 2, step)  # noqa: S311 - jitter, no secret
        step = min(step * 2, most)


def describe(error: BaseException | None) -> str:
    """Name a failure and what caused it, for a log line; without the database's messages, which repeat values."""
    names = []
    while error is not None:
        state = sqlstate(error)
        names.append(type(error).__name__ + (f" {state}" if state else ""))
        error = error.__cause__
    return ", from ".join(names)
