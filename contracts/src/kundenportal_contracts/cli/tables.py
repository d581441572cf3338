"""Reading the tables that billing exports: CSV as spreadsheets write it, or JSON; every cell ends as text or None.

Rows come one by one, so that a table may be large. What is wrong with a row is that row's fault, told with its line and
column; what is wrong with the table as a whole is TableUnreadable.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kundenportal_contracts.cli.csv_rows import csv_rows
from kundenportal_contracts.cli.encodings import find_text
from kundenportal_contracts.cli.json_rows import json_rows
from kundenportal_contracts.cli.rows import Columns, Fault, Row, TableUnreadable

__all__ = ["Columns", "Fault", "Row", "Table", "TableUnreadable", "read_table"]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows, to be read once, and what a person should know about the file."""

    rows: Iterator[Row]
    hint: str | None


def read_table(path: Path, columns: Columns) -> Table:
    """Begin to read; TableUnreadable, now or between the rows, names the file, the line and what is wrong."""
    try:
        text = find_text(path)
    except OSError as error:
        raise TableUnreadable(f"{path} cannot be read: {error.strerror}") from None
    except TableUnreadable as error:
        raise TableUnreadable(f"{path}: {error}") from None
    read = json_rows if path.suffix.lower() == ".json" else csv_rows
    return Table(_named(path, read(text, columns)), text.hint and f"{path} {text.hint}.")


def _named(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    try:
        yield from rows
    except TableUnreadable as error:
        raise TableUnreadable(f"{path}: {error}") from None
