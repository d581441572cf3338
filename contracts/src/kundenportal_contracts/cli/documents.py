"""`kundenportal-billing publish FOLDER` and `withdraw`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from kundenportal_contracts.cli.connection import StackOption
from kundenportal_contracts.cli.hand_over import Failure, Job, hand_over
from kundenportal_contracts.cli.startup import connected, one, table
from kundenportal_contracts.cli.tables import Row
from kundenportal_contracts.publish import BillingPublisher, PublishFailed

REQUIRED = ("file", "customer_number", "document_number", "document_type", "issued_on")
OPTIONAL = ("gross_amount", "currency", "due_on", "media_type")
INDEX_NAMES = ("index.csv", "index.json")
INDEX_SUFFIXES = frozenset({".csv", ".json"})


def publish(
    folder: Annotated[Path, typer.Argument(help="A folder with PDF or XML files and an index (CSV or JSON).")],
    again: Annotated[
        bool, typer.Option("--again", help="Issue under new event ids, e.g. what was withdrawn before.")
    ] = False,
    stack: StackOption = None,
) -> None:
    """Hand over the documents of a folder. Running it again is safe: what has arrived counts once.

    The index names the columns file, customer_number, document_number, document_type, issued_on (2026-11-23), and where
    known gross_amount (119.00), currency (EUR), due_on, media_type.
    """
    connection = connected(stack)
    rows = table(_index(folder), REQUIRED)
    refused = [Failure(row.line, "no document", None, row.fault) for row in rows if row.fault]
    hand_over(connection, document_jobs(folder, rows, again=again), refused, "documents")


def withdraw(
    customer_number: Annotated[str, typer.Option()],
    document_number: Annotated[str, typer.Option()],
    reason: Annotated[str, typer.Option(help="Why, in a sentence.")],
    stack: StackOption = None,
) -> None:
    """Take a document back: all its versions that were issued before now are hidden."""
    fields = {"customer_number": customer_number, "document_number": document_number, "reason": reason}
    one(connected(stack), lambda publisher: publisher.withdraw(fields), f"Document {document_number} is withdrawn.")


def document_jobs(folder: Path, rows: Sequence[Row], *, again: bool) -> list[Job]:
    """Give a job for each usable row; rows about one document follow each other."""
    return [_job(folder, row, again=again) for row in rows if not row.fault]


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


def _job(folder: Path, row: Row, *, again: bool) -> Job:
    number = row.cells.get("document_number")
    label = f"{number or 'document without a number'} ({row.cells.get('file') or 'no file'})"
    subject = (row.cells.get("customer_number"), number)
    return Job(row.line, label, subject, partial(_issue, folder, row, again))


async def _issue(folder: Path, row: Row, again: bool, publisher: BillingPublisher) -> None:
    path = _file(folder, row.cells.get("file"))
    names: Sequence[str] = (*REQUIRED[1:], *OPTIONAL)
    fields = {name: value for name in names if (value := row.cells.get(name)) is not None}
    await publisher.issue(fields, path, uuid4() if again else None)


def _file(folder: Path, name: str | None) -> Path:
    """Find the file inside the folder; a name that leads out of it is refused."""
    if name is None:
        raise PublishFailed("no file is named", "file")
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise PublishFailed("lies outside the folder", "file")
        if not path.is_file():
            raise PublishFailed(f"there is no file {name}", "file")
    except (ValueError, OSError):
        raise PublishFailed("is no name of a file", "file") from None
    return path
