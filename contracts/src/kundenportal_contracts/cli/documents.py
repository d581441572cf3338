"""`kundenportal-billing publish FOLDER` and `withdraw`."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kundenportal_contracts.cli.connection import Connection, StackOption, errors
from kundenportal_contracts.cli.hand_over import Failure, Job, Step, hand_over, tell
from kundenportal_contracts.cli.index import COLUMNS, Entry, Refused, doubt, read_entries
from kundenportal_contracts.cli.journal import Journal, JournalUnusable
from kundenportal_contracts.cli.log import Log
from kundenportal_contracts.cli.rows import Fault
from kundenportal_contracts.cli.startup import connected, one, table
from kundenportal_contracts.publish import BillingPublisher, PublishFailed
from kundenportal_contracts.publish.trace import new_traceparent, trace_id
from kundenportal_contracts.topic_admin import TopicsUnavailable, cluster_id

INDEX_NAMES = ("index.csv", "index.json")
INDEX_SUFFIXES = frozenset({".csv", ".json"})


def publish(
    folder: Annotated[Path, typer.Argument(help="A folder with PDF or XML files and an index (CSV or JSON).")],
    again: Annotated[
        bool, typer.Option("--again", help="Issue under new event ids, e.g. what was withdrawn before.")
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option("--from-start", help="Forget what an interrupted run has handed over; the ids stay the same."),
    ] = False,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="FILE", help="Append a JSON line per document: event id, trace id.")
    ] = None,
    stack: StackOption = None,
) -> None:
    """Hand over the documents of a folder. After an interruption the same command goes on where it stopped.

    The index names the columns file, customer_number, document_number, document_type, issued_on (2026-11-23 or
    23.11.2026), and where known gross_amount (119.00 or 119,00), currency (EUR), due_on, media_type. Exits 1 where a
    document failed, 2 where the index as a whole cannot be used.
    """
    connection = connected(stack)
    found = table(_index(folder), COLUMNS, partial(read_entries, folder))
    entries = [entry for entry in found if isinstance(entry, Entry)]
    with Log(log) as said, _journal(folder, connection, again=again, fresh=fresh) as journal:
        for one in found:
            if isinstance(one, Refused):
                said.refused(one.line, one.label, one.faults)
        steps = document_steps(found, journal, said)
        tell(_doubts(entries, journal), "Worth a look, and handed over all the same:")
        outcome = hand_over(connection, steps, "documents", before=len(found) - len(steps))
        for waiting in outcome.waiting:
            said.waiting(waiting.line, waiting.label, waiting.faults)
        if not outcome.is_complete:
            raise typer.Exit(1)
        journal.remove()


def withdraw(
    customer_number: Annotated[str, typer.Option()],
    document_number: Annotated[str, typer.Option()],
    reason: Annotated[str, typer.Option(help="Why, in a sentence.")],
    stack: StackOption = None,
) -> None:
    """Take a document back: all its versions that were issued before now are hidden."""
    fields = {"customer_number": customer_number, "document_number": document_number, "reason": reason}
    one(connected(stack), lambda publisher: publisher.withdraw(fields), f"Document {document_number} is withdrawn.")


def document_steps(found: Iterable[Entry | Refused], journal: Journal, log: Log) -> list[Step]:
    """Give a job for each document that is not handed over yet, and a failure for each row that is none, in order."""
    return [
        _job(one, journal, log) if isinstance(one, Entry) else Failure(one.line, one.label, one.faults, one.subject)
        for one in found
        if isinstance(one, Refused) or not journal.is_done(one)
    ]


def _index(folder: Path) -> Path:
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder", param_hint="FOLDER")
    named = [folder / name for name in INDEX_NAMES if (folder / name).is_file()]
    found = named or sorted(path for path in folder.iterdir() if path.suffix.lower() in INDEX_SUFFIXES)
    match found:
        case [index]:
            return index
        case []:
            raise typer.BadParameter(f"{folder} has no index.csv and no index.json", param_hint="FOLDER")
        case _:
            names = ", ".join(path.name for path in found)
            raise typer.BadParameter(f"{folder} has more than one index: {names}", param_hint="FOLDER")


def _journal(folder: Path, connection: Connection, *, again: bool, fresh: bool) -> Journal:
    try:
        cluster = asyncio.run(cluster_id(connection.bootstrap, ssl=connection.ssl))
        return Journal.open(folder, cluster, connection.source, again=again, fresh=fresh)
    except (TopicsUnavailable, JournalUnusable) as error:
        errors.print(f"Nothing was handed over: {error}.")
        raise typer.Exit(1) from None


def _doubts(entries: Sequence[Entry], journal: Journal) -> list[tuple[int, str, Fault]]:
    """Name what will be handed over and probably not be liked."""
    waiting = [entry for entry in entries if not journal.is_done(entry)]
    return [(entry.line, entry.label, fault) for entry in waiting if (fault := doubt(entry)) is not None]


def _job(entry: Entry, journal: Journal, log: Log) -> Job:
    return Job(entry.line, entry.label, entry.subject, partial(_issue, entry, journal, log))


async def _issue(entry: Entry, journal: Journal, log: Log, publisher: BillingPublisher) -> None:
    traceparent = new_traceparent()
    try:
        event_id = await publisher.issue(entry.fields, entry.path, journal.event_id(entry), traceparent=traceparent)
    except PublishFailed as error:
        log.failed(entry, trace_id(traceparent), error)
        raise
    journal.add(entry, event_id)
    log.handed_over(entry, trace_id(traceparent), event_id)
