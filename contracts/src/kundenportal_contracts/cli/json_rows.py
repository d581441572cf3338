"""JSON as billing programs write it: a list of objects, each with the line where it begins."""

import json
import re
from collections.abc import Iterator
from typing import Any

from kundenportal_contracts.cli.encodings import Text
from kundenportal_contracts.cli.rows import Columns, Fault, Row, TableUnreadable
from kundenportal_contracts.cli.spellings import shown

DECIMAL_COMMA = re.compile(r"\d,\d", re.ASCII)
SPACE = re.compile(r"[ \t\r\n]*")
CHARACTERS = 256 * 1_048_576
TOO_LARGE = f"is longer than {CHARACTERS} characters: write it as CSV, which is read row by row"
# Where Python's words leave open what to do.
WORDS = {
    "Invalid control character at": "a quote is not closed in its line",
    "Expecting property name enclosed in double quotes": "a name in double quotes must stand here",
    "Illegal trailing comma before end of object": "no comma may stand before }",
}


def json_rows(text: Text, columns: Columns) -> Iterator[Row]:
    """Give the rows one by one; TableUnreadable with line and character where it is no JSON.

    Numbers are taken as they are written, so that 4711 and 119.00 keep their digits.
    """
    with text.open() as file:
        content = file.read(CHARACTERS + 1)
    if len(content) > CHARACTERS:
        raise TableUnreadable(TOO_LARGE)
    place = _space(content, 0)
    if content[place : place + 1] != "[":
        raise _broken(content, place, "must be a list of objects")
    place = _space(content, place + 1)
    line, counted = 1, 0
    while content[place : place + 1] != "]":
        line, counted = line + content.count("\n", counted, place), place
        entry, place = _entry(content, place)
        yield _row(line, entry, columns)
        place = _after(content, place)
    if (end := _space(content, place + 1)) < len(content):
        raise _broken(content, end, "nothing may follow the list")


def _entry(content: str, place: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(content, place)
    except json.JSONDecodeError as error:
        if DECIMAL_COMMA.fullmatch(content, error.pos - 2, error.pos + 1):
            raise _broken(content, error.pos, "an amount is written 119.00, or in quotes") from None
        raise _broken(content, error.pos, WORDS.get(error.msg, error.msg[:1].lower() + error.msg[1:])) from None
    except RecursionError:
        raise _broken(content, place, "is nested too deeply") from None


def _after(content: str, place: int) -> int:
    """Give where the next entry or the end of the list stands."""
    place = _space(content, place)
    char = content[place : place + 1]
    if char == "]":
        return place
    if char != ",":
        raise _broken(content, place, "a comma or ] is missing")
    following = _space(content, place + 1)
    if content[following : following + 1] == "]":
        raise _broken(content, place, "no comma may stand before ]")
    return following


def _space(content: str, place: int) -> int:
    found = SPACE.match(content, place)
    return found.end() if found else place


def _broken(content: str, place: int, what: str) -> TableUnreadable:
    start = content.rfind("\n", 0, place) + 1
    return TableUnreadable(
        f"line {content.count(chr(10), 0, place) + 1}, character {place - start + 1}: is not JSON: {what}"
    )


class _Pairs(list[tuple[str, Any]]):
    """An object as it is written, keys that stand there twice included."""


_DECODER = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=str, parse_float=str)


def _row(line: int, entry: object, columns: Columns) -> Row:
    if not isinstance(entry, _Pairs):
        return Row(line, {}, (Fault(None, "is not an object"),))
    cells: dict[str, str | None] = {}
    faults = []
    for written, value in entry:
        name = written.strip().lower()
        if unknown := columns.unknown(name):
            faults.append(Fault(shown(name)[1:-1], unknown))
        elif name in cells:
            faults.append(Fault(name, "stands there twice"))
        elif value is not None and not isinstance(value, str):
            faults.append(Fault(name, f"must be text or a number, not {_kind(value)}"))
        cells[name] = value.strip() or None if isinstance(value, str) else None
    return Row(line, cells, tuple(faults))


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "an object" if isinstance(value, _Pairs) else "a list" if isinstance(value, list) else "NaN or Infinity"
