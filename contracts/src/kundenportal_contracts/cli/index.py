"""The index of a folder of documents: which file is which document. Every fault is found before anything is handed over."""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kundenportal_contracts.billing import PDF, XML, DocumentIssued
from kundenportal_contracts.cli.rows import Columns, Fault, Row
from kundenportal_contracts.cli.spellings import HOW, one_meaning, shown
from kundenportal_contracts.documents import DOCUMENT_TYPES

COLUMNS = Columns(
    ("file", "customer_number", "document_number", "document_type", "issued_on"),
    ("gross_amount", "currency", "due_on", "media_type"),
)
MEDIA_TYPES = {".pdf": PDF, ".xml": XML}
LOOKED_AT = 1024
SEPARATORS = frozenset("/\\")
_CELLS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(DocumentIssued.model_fields[name].rebuild_annotation()) for name in HOW
}


# Customer number and document number: versions of one document follow each other.
Subject = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One document to hand over: its line, its file and the fields as the interface writes them."""

    line: int
    label: str
    path: Path
    name: str
    fields: dict[str, str]
    size: int
    modified_ns: int

    @property
    def subject(self) -> Subject:
        """The document that this is a version of."""
        return self.fields["customer_number"], self.fields["document_number"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is no document, with all that is wrong with it; `subject` as far as it tells one."""

    line: int
    label: str
    faults: tuple[Fault, ...]
    subject: Subject | None


def read_entries(folder: Path, rows: Iterable[Row]) -> Iterator[Entry | Refused]:
    """Judge each row: a document that can be handed over, or everything that is wrong with it."""
    root = folder.resolve()
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        entry = _entry(root, row)
        key = (*entry.subject, str(entry.path)) if isinstance(entry, Entry) else None
        if key in seen:
            yield _refused(row, Fault(None, f"repeats line {seen[key]}: same document, same file"))
        else:
            yield entry
        if key:
            seen.setdefault(key, row.line)


def label(row: Row) -> str:
    """Name the row as its document and file."""
    number, name = row.cells.get("document_number"), row.cells.get("file")
    return f"{shown(number)[1:-1] if number else 'no document'} ({shown(name)[1:-1] if name else 'no file'})"


def doubt(entry: Entry) -> Fault | None:
    """Say what is probably not meant so, or will be rejected. It is handed over all the same: the portal judges."""
    kind = entry.fields["document_type"]
    if kind not in DOCUMENT_TYPES:
        known = ", ".join(DOCUMENT_TYPES)
        return Fault("document_type", f"{shown(kind)} is shown among Sonstige; known are {known}")
    try:
        with entry.path.open("rb") as file:
            start = file.read(LOOKED_AT)
    except OSError:
        return None
    looks = _looks_like(start)
    if looks != entry.fields["media_type"]:
        told = "is empty" if not start else f"does not begin as {entry.fields['media_type']} does"
        return Fault("file", f"{told}: the portal will probably reject it")
    return None


def _entry(root: Path, row: Row) -> Entry | Refused:
    faults = list(row.faults)
    fields: dict[str, str] = {}
    path, size, modified = root, 0, 0
    if not faults:
        try:
            path, found = _file(root, row.cells.get("file"))
            size, modified = found.st_size, found.st_mtime_ns
            fields["media_type"] = row.cells.get("media_type") or _media_type(path)
        except (ValueError, OSError) as error:
            faults.append(
                Fault("file", str(error) if isinstance(error, ValueError) else f"cannot be read: {error.strerror}")
            )
        for name in HOW:
            try:
                fields |= _cell(name, row.cells.get(name))
            except ValueError as error:
                faults.append(Fault(name, str(error)))
    if faults:
        return _refused(row, *faults)
    return Entry(row.line, label(row), path, str(row.cells["file"]), fields, size, modified)


def _refused(row: Row, *faults: Fault) -> Refused:
    customer, document = row.cells.get("customer_number"), row.cells.get("document_number")
    return Refused(row.line, label(row), faults, (customer, document) if customer and document else None)


def _cell(name: str, text: str | None) -> dict[str, str]:
    if text is None:
        if name in COLUMNS.required:
            raise ValueError("is empty")
        return {}
    meant = one_meaning(name, text)
    try:
        _CELLS[name].validate_python(meant)
    except ValidationError:
        raise ValueError(f"{shown(text)} {HOW[name]}") from None
    return {name: meant}


def _file(root: Path, name: str | None) -> tuple[Path, os.stat_result]:
    """Find the file inside the folder; a name that leads out of it is refused."""
    if name is None:
        raise ValueError("is empty: no file is named")
    # The usual case, in one look: a plain file in the folder itself.
    if not SEPARATORS.intersection(name):
        with contextlib.suppress(ValueError, OSError):
            found = os.lstat(f"{root}/{name}")
            if stat.S_ISREG(found.st_mode):
                return root / name, found
    path = _path(root, name)
    return path, path.stat()


def _path(root: Path, name: str) -> Path:
    try:
        path = (root / name).resolve()
    except RuntimeError:  # links in a circle, up to Python 3.12
        raise ValueError(f"there is no file {shown(name)}") from None
    except (ValueError, OSError):
        raise ValueError(f"{shown(name)} is no name of a file") from None
    if not path.is_relative_to(root):
        raise ValueError(f"{shown(name)} lies outside the folder")
    if path.is_dir():
        raise ValueError(f"{shown(name)} is a folder")
    if not path.is_file():
        raise ValueError(f"there is no file {shown(name)}")
    return path


def _media_type(path: Path) -> str:
    known = MEDIA_TYPES.get(path.suffix.lower())
    if known:
        return known
    with path.open("rb") as file:
        looks = _looks_like(file.read(LOOKED_AT))
    if looks is None:
        raise ValueError(f"{shown(path.name)} is neither PDF nor XML")
    return looks


def _looks_like(start: bytes) -> str | None:
    if b"%PDF-" in start:
        return PDF
    text = start.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")
    return XML if text.startswith(b"<") else None
