"""How a connection to PostgreSQL is opened: the URL as libpq and everybody writes it, limits set on the server's side."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg

# How soon the server notices that a client is gone: idle, mid-answer, and while a statement runs.
VANISHED_CLIENT_SETTINGS = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25000",
    "client_connection_check_interval": "2000",
}


def libpq_url(url: str) -> str:
    """Give the same address without SQLAlchemy's driver suffix."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


def connector(
    url: str,
    *,
    application_name: str,
    connect_timeout: timedelta,
    statement_timeout: timedelta,
    lock_timeout: timedelta,
    idle_timeout: timedelta,
) -> Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]:
    """Make a function that opens one connection; every limit holds for all that is done over it.

    The client gives a statement up 5 s after the server should have: then the server is not there any more.
    """
    server_settings = {
        "application_name": application_name,
        "statement_timeout": _milliseconds(statement_timeout),
        "lock_timeout": _milliseconds(lock_timeout),
        "idle_in_transaction_session_timeout": _milliseconds(idle_timeout),
        "jit": "off",
        # Rows are found by index. A plan made while a table was small would read all of it later, and plans are kept.
        "enable_seqscan": "off",
        "timezone": "UTC",
        **VANISHED_CLIENT_SETTINGS,
    }

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            libpq_url(url),
            timeout=connect_timeout.total_seconds(),
            command_timeout=statement_timeout.total_seconds() + 5 if statement_timeout else None,
            server_settings=server_settings,
        )

    return connect


def _milliseconds(duration: timedelta) -> str:
    return str(round(duration.total_seconds() * 1000))
