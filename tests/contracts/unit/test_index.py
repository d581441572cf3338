"""The index of a folder: all that is wrong with it is told at once, and what can mean one thing only is taken."""

import json
from pathlib import Path
from typing import Any

import pytest

from kundenportal_contracts.cli.index import COLUMNS, Entry, Refused, doubt, read_entries
from kundenportal_contracts.cli.tables import read_table
from tests.contracts.fakes import DOCUMENT

GOOD = {"file": "R1.pdf", **DOCUMENT}


def judged(folder: Path, *rows: dict[str, Any]) -> list[Entry | Refused]:
    for name in ("R1.pdf", "R2.pdf"):
        (folder / name).write_bytes(b"%PDF-1.7 " + name.encode())
    (folder / "index.json").write_text(json.dumps(rows, indent=1))
    return list(read_entries(folder, read_table(folder / "index.json", COLUMNS).rows))


def faults(folder: Path, **changed: Any) -> list[tuple[str | None, str]]:
    [refused] = judged(folder, {**GOOD, **changed})
    assert isinstance(refused, Refused)
    return [(fault.column, fault.problem) for fault in refused.faults]


BAD: dict[str, list[Any]] = {
    "customer_number": ["47/11", "4711 x", "x" * 33, None, ""],
    "document_number": ["R/1", "x" * 65, "a\tb", None],
    "document_type": ["x" * 65, "a\nb", None, "  "],
    "issued_on": ["bald", "2.3.18", "2018/03/02", "03/02/2018", "31.02.2018", "1.13.2018", "01.01.1899", "20180302", None],
    "due_on": ["bald", "2018-02-30"],
    "gross_amount": ["1,190.00", "119,00 €", "EUR 119", "119,", ",50", "1.19,00", "1e3", "--1,00", "119,00,00"],
    "currency": ["€", "eur", "Euro"],
    "media_type": ["text/html", "pdf"],
    "file": ["gone.pdf", "../R1.pdf", "/etc/hostname", "", None, ".", "a\0b", "\ud800", "x" * 5000],
}  # fmt: skip


@pytest.mark.parametrize("column", BAD)
def test_a_bad_cell_is_told_by_its_column(tmp_path: Path, column: str) -> None:
    """Each with how it must be written, or what is not there; nothing that would disturb a terminal."""
    for value in BAD[column]:
        [(told, problem)] = faults(tmp_path, **{column: value})
        assert told == column
        assert problem.isprintable()
        assert {"must be", "empty", "there is no", "lies outside", "is no name", "is a folder", "cannot be read"} & {
            words
            for words in (
                "must be",
                "empty",
                "there is no",
                "lies outside",
                "is no name",
                "is a folder",
                "cannot be read",
            )
            if words in problem
        }


def test_everything_wrong_with_a_row_is_told_at_once(tmp_path: Path) -> None:
    """One look at the list mends the row."""
    told = faults(tmp_path, file="gone.pdf", customer_number="", issued_on="2.3.18", gross_amount="1.190", currency="€")
    assert told == [
        ("file", "there is no file «gone.pdf»"),
        ("customer_number", "is empty"),
        ("issued_on", "«2.3.18» must be a day from 1900 to 2199, written 2018-03-02 or 02.03.2018"),
        ("gross_amount", "1.190 could mean two amounts: write 1190.00, or 1.1900"),
        ("currency", "«€» must be three capital letters, e.g. EUR"),
    ]


@pytest.mark.parametrize(
    ("column", "written", "meant"),
    [
        ("issued_on", "02.03.2018", "2018-03-02"),
        ("issued_on", "2.3.2018", "2018-03-02"),
        ("due_on", "29.02.2024", "2024-02-29"),
        ("gross_amount", "119,00", "119.00"),
        ("gross_amount", "-1.234.567,8", "-1234567.8"),
        ("gross_amount", "1190,00", "1190.00"),
        ("gross_amount", "119", "119"),
        ("gross_amount", 119.5, "119.5"),
        ("gross_amount", "1.1900", "1.1900"),
    ],
)
def test_what_german_spreadsheets_write_is_taken(tmp_path: Path, column: str, written: Any, meant: str) -> None:
    """Days with dots and amounts with a comma mean one thing only, and are handed over as the interface writes them."""
    [entry] = judged(tmp_path, {**GOOD, column: written})
    assert isinstance(entry, Entry)
    assert entry.fields[column] == meant


def test_a_row_that_repeats_another_is_told(tmp_path: Path) -> None:
    """The same document and file twice is a slip; another file is another version, another number another document."""
    rows = judged(
        tmp_path, GOOD, {**GOOD, "file": "./R1.pdf"}, {**GOOD, "file": "R2.pdf"}, {**GOOD, "document_number": "R2"}
    )
    assert [isinstance(row, Entry) for row in rows] == [True, False, True, True]
    assert isinstance(rows[1], Refused)
    assert rows[1].faults[0].problem == "repeats line 2: same document, same file"


def test_a_repeat_on_the_same_line_is_told(tmp_path: Path) -> None:
    """JSON may stand on one line as a whole."""
    (tmp_path / "R1.pdf").touch()
    (tmp_path / "index.json").write_text(json.dumps([GOOD, GOOD]))
    rows = list(read_entries(tmp_path, read_table(tmp_path / "index.json", COLUMNS).rows))
    assert [isinstance(row, Entry) for row in rows] == [True, False]


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("R.PDF", b"anything", "application/pdf"),
        ("R.xml", b"anything", "application/xml"),
        ("R", b"\n%PDF-1.4", "application/pdf"),
        ("R.txt", b"\xef\xbb\xbf <?xml", "application/xml"),
        ("R.bin", "\ufeff<Invoice/>".encode("utf-16-le"), "application/xml"),
        ("R.docx", b"PK\x03\x04", None),
        ("R.txt", b"Rechnung", None),
    ],
)
def test_a_file_is_pdf_or_xml_by_its_name_else_by_its_bytes(
    tmp_path: Path, name: str, content: bytes, media_type: str | None
) -> None:
    """Anything else is no document, unless its row says what it is."""
    (tmp_path / name).write_bytes(content)
    [entry] = judged(tmp_path, {**GOOD, "file": name})
    if media_type:
        assert isinstance(entry, Entry)
        assert entry.fields["media_type"] == media_type
    else:
        assert isinstance(entry, Refused)
        assert entry.faults[0].problem == f"«{name}» is neither PDF nor XML"
        [said] = judged(tmp_path, {**GOOD, "file": name, "media_type": "application/xml"})
        assert isinstance(said, Entry)


def test_a_doubt_is_told_and_stops_nothing(tmp_path: Path) -> None:
    """An unknown type, an empty file and a PDF that is none are handed over with a word; the portal judges."""
    (tmp_path / "empty.pdf").touch()
    (tmp_path / "none.pdf").write_bytes(b"<html>")
    rows = judged(
        tmp_path,
        GOOD,
        {**GOOD, "file": "empty.pdf"},
        {**GOOD, "file": "none.pdf"},
        {**GOOD, "file": "R2.pdf", "document_type": "Rechnung"},
    )
    told = [doubt(row) for row in rows if isinstance(row, Entry)]
    assert [fault and (fault.column, fault.problem[:34]) for fault in told] == [
        None,
        ("file", "is empty: the portal will probably"),
        ("file", "does not begin as application/pdf "),
        ("document_type", "«Rechnung» is shown among Sonstige"),
    ]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """What counts is where the file lies, not how it is called."""
    (tmp_path / "out").mkdir()
    (tmp_path / "secret.pdf").write_bytes(b"%PDF-")
    (tmp_path / "out" / "R9.pdf").symlink_to(tmp_path / "secret.pdf")
    assert faults(tmp_path / "out", file="R9.pdf") == [("file", "«R9.pdf» lies outside the folder")]


def test_a_link_to_itself_is_no_file(tmp_path: Path) -> None:
    """A circle of links leads nowhere, whatever Python makes of it."""
    (tmp_path / "loop.pdf").symlink_to("loop.pdf")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for name in ("loop.pdf", "a/R1.pdf"):
        assert faults(tmp_path, file=name) == [("file", f"there is no file «{name}»")]
