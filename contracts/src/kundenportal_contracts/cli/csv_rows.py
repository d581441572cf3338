"""CSV as spreadsheets write it: comma, semicolon or tab, quotes where needed (RFC 4180), read row by row."""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice

from kundenportal_contracts.cli.encodings import Text
from kundenportal_contracts.cli.rows import Columns, Fault, Row, TableUnreadable

DELIMITERS = ";,\t"
QUOTE = '"'
# A quote that is not closed swallows the rest of the file; so much of it is looked at.
LOOKED_AT = 200_000
NOT_CLOSED = "a quote is opened and never closed"
AFTER_QUOTE = "after the closing quote comes something else than the next cell; a quote inside quotes is written twice"
TOO_LONG = f"a cell is longer than {csv.field_size_limit()} characters"


def csv_rows(text: Text, columns: Columns) -> Iterator[Row]:
    """Give the rows; lines without any cell are left out. TableUnreadable where the header or the quoting is wrong."""
    with text.open() as file:
        delimiter = max(DELIMITERS, key=file.readline().count)
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        header: list[str] = []
        line = 1
        try:
            header = [name.strip().lower() for name in next(reader, [])]
            _check_header(header, columns)
            line = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield _row(line, header, cells, delimiter)
                line = reader.line_num + 1
        except csv.Error:
            raise TableUnreadable(_where_quoting_breaks(text, line, header, delimiter)) from None


def _check_header(header: Sequence[str], columns: Columns) -> None:
    told = []
    if missing := [name for name in columns.required if name not in header]:
        told.append(f"line 1 must name the columns; missing: {', '.join(missing)}")
    for name in dict.fromkeys(filter(None, header)):
        if header.count(name) > 1:
            told.append(f"line 1 names a column twice: {name}")
        if unknown := columns.unknown(name):
            told.append(f"line 1, column {header.index(name) + 1}: {name[:40]!r} {unknown}")
    if told:
        raise TableUnreadable("; ".join(told))


def _row(line: int, header: Sequence[str], cells: Sequence[str], delimiter: str) -> Row:
    beyond = [cell for cell in cells[len(header) :] if cell.strip()]
    if beyond:
        hint = "; 119,00 needs quotes where a comma parts the cells" if delimiter == "," else ""
        return Row(line, {}, (Fault(None, f"has {len(cells)} cells, and line 1 names {len(header)} columns{hint}"),))
    return Row(line, {name: cell.strip() or None for name, cell in zip(header, cells, strict=False) if name})


def _where_quoting_breaks(text: Text, first: int, header: Sequence[str], delimiter: str) -> str:
    """Read the record anew, slowly, from its first line, and say line, column and what is wrong."""
    with text.open() as file:
        record = "".join(islice(file, first - 1, None))[: LOOKED_AT + 1]
    place, what = _first_break(record, delimiter)
    before = record[:place]
    line, cell = first + before.count("\n"), _cells(before, delimiter)
    column = f", column {header[cell] or cell + 1}" if cell < len(header) else ""
    return f"line {line}{column}: {what}"


def _first_break(record: str, delimiter: str) -> tuple[int, str]:
    opened, place = None, 0
    while place < len(record):
        char = record[place]
        if opened is None:
            if char in "\r\n":
                break
            if char == QUOTE and (place == 0 or record[place - 1] == delimiter):
                opened = place
        elif char == QUOTE and record[place + 1 : place + 2] == QUOTE:
            place += 1
        elif char == QUOTE:
            opened = None
            if record[place + 1 : place + 2] not in {"", delimiter, "\r", "\n"}:
                return place, AFTER_QUOTE
        place += 1
    return (0, TOO_LONG) if opened is None else (opened, NOT_CLOSED)


def _cells(before: str, delimiter: str) -> int:
    """Count the cells that end before the place, delimiters in quotes aside."""
    return sum(part.count(delimiter) for part in before.split(QUOTE)[::2])
