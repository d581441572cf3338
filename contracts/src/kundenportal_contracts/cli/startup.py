"""How every command begins and how a single call ends: a sentence on stderr and an exit code instead of a traceback."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import typer

from kundenportal_contracts.cli.connection import UNUSABLE, Connection, ConnectionUnknown, connection, console, errors
from kundenportal_contracts.cli.tables import Columns, Row, TableUnreadable, read_table
from kundenportal_contracts.publish import BillingPublisher, PublishFailed

T = TypeVar("T")


def connected(stack: Path | None) -> Connection:
    """Give the connection, or leave with 2 and what is missing. From here on only our own words are printed."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return connection(stack)
    except ConnectionUnknown as error:
        errors.print(f"It is not known where to hand over: {error}.")
        raise typer.Exit(UNUSABLE) from None


def table(path: Path, columns: Columns, judge: Callable[[Iterator[Row]], Iterator[T]]) -> list[T]:
    """Read the whole table through `judge`, or leave with 2 and what is wrong with it before anything is handed over."""
    try:
        found = read_table(path, columns)
        if found.hint:
            errors.print(found.hint)
        return list(judge(found.rows))
    except TableUnreadable as error:
        errors.print(f"{str(error).rstrip('.?')}. Nothing was handed over.")
        raise typer.Exit(UNUSABLE) from None


def one(target: Connection, call: Callable[[BillingPublisher], Awaitable[object]], done: str) -> None:
    """Make one call and say that it is done, or leave with 1 and why not."""
    try:
        asyncio.run(_call(target, call))
    except PublishFailed as error:
        place = f"{error.field}: " if error.field else ""
        errors.print(f"Not handed over: {place}{error.problem}.")
        raise typer.Exit(1) from None
    console.print(done)


async def _call(target: Connection, call: Callable[[BillingPublisher], Awaitable[object]]) -> None:
    async with target.publisher() as publisher:
        await call(publisher)
