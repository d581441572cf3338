"""Reading the tables that billing exports: CSV as spreadsheets write it, or JSON; every cell ends as text or None."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
DELIMITERS = ";,\t"


class TableUnreadable(Exception):
    """No row of the table can be used."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry. `line` is where it begins in a CSV, or its number in a JSON list; `fault` says why it is no entry."""

    line: int
    cells: dict[str, str | None]
    fault: str | None = None


def read_table(path: Path, required: Sequence[str]) -> list[Row]:
    """Read all rows; TableUnreadable when the file is no table or lacks a column."""
    try:
        text = _text(path.read_bytes())
    except OSError as error:
        raise TableUnreadable(f"{path} cannot be read: {error.strerror}") from None
    try:
        return list(_json_rows(text) if path.suffix.lower() == ".json" else _csv_rows(text, required))
    except TableUnreadable as error:
        raise TableUnreadable(f"{path}: {error}") from None


def _text(raw: bytes) -> str:
    """Decode UTF-8 or UTF-16 by its mark, else UTF-8, else what German spreadsheets write (Windows-1252)."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if raw.startswith(mark):
            return raw.decode(encoding, errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _csv_rows(text: str, required: Sequence[str]) -> Iterator[Row]:
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header, required)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _csv_row(line, header, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableUnreadable(f"line {reader.line_num}: {error}") from None


def _check_header(header: Sequence[str], required: Sequence[str]) -> None:
    if missing := [name for name in required if name not in header]:
        raise TableUnreadable(f"line 1 must name the columns; missing: {', '.join(missing)}")
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise TableUnreadable(f"line 1 names a column twice: {', '.join(twice)}")


def _csv_row(line: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) > len(header):
        return Row(line, {}, f"has {len(cells)} cells, and line 1 names {len(header)} columns")
    return Row(line, {name: cell.strip() or None for name, cell in zip(header, cells, strict=False)})


def _json_rows(text: str) -> Iterator[Row]:
    """Take numbers as they are written, so that 4711 and 119.00 keep their digits."""
    try:
        entries = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise TableUnreadable(f"is not JSON: {error}") from None
    if not isinstance(entries, list):
        raise TableUnreadable("must be a list of objects")
    for number, entry in enumerate(entries, start=1):
        yield _json_row(number, entry)


def _json_row(number: int, entry: object) -> Row:
    if not isinstance(entry, dict):
        return Row(number, {}, "is not an object")
    for name, value in entry.items():
        if value is not None and not isinstance(value, str):
            return Row(number, {}, f"{name} must be text or a number")
    return Row(number, {name.lower(): (value or "").strip() or None for name, value in entry.items()})
