"""Opening a text that some billing program or spreadsheet wrote: UTF-8, UTF-16 with its mark, or Windows-1252."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

from kundenportal_contracts.cli.rows import TableUnreadable

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
CHUNK = 1 << 20
UTF_8, WINDOWS = "utf-8", "cp1252"
AS_WINDOWS = "is not UTF-8 and is read as Windows-1252: where umlauts come out wrong, save it as UTF-8"
WITHOUT_MARK = "has NUL characters, as UTF-16 without a byte order mark has: save it as UTF-8"


@dataclass(frozen=True, slots=True)
class Text:
    """A file and how to read it; `hint` is for people."""

    path: Path
    encoding: str
    hint: str | None = None

    def open(self) -> TextIO:
        """Open it with its line ends as they are."""
        return self.path.open(encoding=self.encoding, newline="")


def find_text(path: Path) -> Text:
    """Look through the file once; TableUnreadable with the line where it is no text."""
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise TableUnreadable("is empty")
    marked = next((encoding for mark, encoding in MARKS.items() if start.startswith(mark)), None)
    if marked:
        _check(path, marked)
        return Text(path, marked)
    if any(b"\0" in chunk for chunk in _chunks(path)):
        raise TableUnreadable(WITHOUT_MARK)
    if _wrong_line(path, UTF_8) is None:
        return Text(path, UTF_8)
    _check(path, WINDOWS)
    return Text(path, WINDOWS, AS_WINDOWS)


def _check(path: Path, encoding: str) -> None:
    wrong = _wrong_line(path, encoding)
    if wrong is not None:
        known = (
            "neither UTF-8 nor Windows-1252"
            if encoding == WINDOWS
            else f"not the {encoding.removesuffix('-sig').upper()} of its byte order mark"
        )
        raise TableUnreadable(f"line {wrong}: is {known}: save it as UTF-8")


def _wrong_line(path: Path, encoding: str) -> int | None:
    """Find the first line that cannot be decoded; None where all can."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    for chunk in chain(_chunks(path), [b""]):
        try:
            line += decoder.decode(chunk, final=not chunk).count("\n")
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
    return None


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
