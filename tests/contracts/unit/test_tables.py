"""Tables as spreadsheets and billing programs write them, and as they should not: file, line, column and what is wrong."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kundenportal_contracts.cli.tables import Columns, Fault, Row, TableUnreadable, read_table

COLUMNS = Columns(("file", "customer_number"), ("due_on",))
HEADER = b"file;customer_number\n"


def read(folder: Path, content: bytes, name: str = "index.csv") -> list[Row]:
    (folder / name).write_bytes(content)
    return list(read_table(folder / name, COLUMNS).rows)


BAD_CSV = {
    "empty": (b"", "is empty"),
    "no header": (b"a.pdf;4711\n", "missing: file, customer_number"),
    "a column missing": (b"file;due_on\n", "line 1 must name the columns; missing: customer_number"),
    "a column twice": (HEADER.replace(b"\n", b";file\n"), "line 1 names a column twice: file"),
    "a column misspelt": (HEADER.replace(b"\n", b";due_date\n"), "line 1, column 3: 'due_date' is no column of this table; perhaps due_on is meant"),
    "a column unknown": (HEADER.replace(b"\n", b";Farbe\n"), "line 1, column 3: 'farbe' is no column of this table; there are file,"),
    "several at once": (b"file;Farbe;file\n", "missing: customer_number; line 1 names a column twice: file; line 1, column 2"),
    "a quote open": (HEADER + b'a;1\nb;"2\nc;3\n', "line 3, column customer_number: a quote is opened and never closed"),
    "a quote open in a long file": (HEADER + b'a;1\n"b;2\n' + b"c;3\n" * 90_000, "line 3, column file: a quote is opened"),
    "text after a quote": (HEADER + b'a;1\nb;"2"x\n', "line 3, column customer_number: after the closing quote"),
    "a quote in a later line of a cell": (HEADER + b'"a\nb";"c"d\n', "line 3, column customer_number: after the closing quote"),
    "a cell without end": (HEADER + b"x" * 200_000 + b";1\n", "line 2, column file: a cell is longer than 131072"),
    "UTF-16 without a mark": ("file;customer_number\n".encode("utf-16-le"), "as UTF-16 without a byte order mark has: save it as UTF-8"),
    "half a UTF-16": (b"\xff\xfef\0i", "line 1: is not the UTF-16 of its byte order mark"),
    "neither UTF-8 nor Windows": (HEADER + b"a;1\n\x81\xfc;2\n", "line 3: is neither UTF-8 nor Windows-1252: save it as UTF-8"),
    "UTF-8 by its mark alone": (b"\xef\xbb\xbf" + HEADER + b"M\xfcller;1\n", "line 2: is not the UTF-8 of its byte order mark"),
    "zeros": (b"\0\1\2", "NUL characters"),
}  # fmt: skip
BAD_JSON = {
    "empty": (b"", "is empty"),
    "blank": (b" \n", "line 2, character 1: is not JSON: must be a list of objects"),
    "no list": (b'{"file": "a"}', "line 1, character 1: is not JSON: must be a list of objects"),
    "a number": (b"5", "must be a list of objects"),
    "not closed": (b'[\n {"file": "a"}\n', "line 3, character 1: is not JSON: a comma or ] is missing"),
    "broken inside": (b'[\n {"file": "a"},\n {"file" "b"}\n]', "line 3, character 10: is not JSON: expecting ':' delimiter"),
    "a quote open": (b'[\n {"file": "a}\n]', "line 2, character 14: is not JSON: a quote is not closed in its line"),
    "single quotes": (b"[{'file': 'a'}]", "line 1, character 3: is not JSON: a name in double quotes must stand here"),
    "no comma": (b'[{"file": "a"}\n{"file": "b"}]', "line 2, character 1: is not JSON: a comma or ] is missing"),
    "a comma at the end": (b'[{"file": "a"},\n]', "line 1, character 15: is not JSON: no comma may stand before ]"),
    "a comma at the end of an object": (b'[{"file": "a",}]', "line 1, character 1"),
    "something behind": (b"[]\nx", "line 2, character 1: is not JSON: nothing may follow the list"),
    "a German amount": (b'[{"file": 119,00}]', "line 1, character 15: is not JSON: an amount is written 119.00, or in quotes"),
    "too deep": (b"[" * 100_000, "is nested too deeply"),
    "cut off": (b"\xff\xfe\x00", "is not the UTF-16 of its byte order mark"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "told"), BAD_CSV.values(), ids=BAD_CSV)
def test_a_csv_that_is_no_table_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    """File, line, column and what is wrong; all that is wrong with the header at once."""
    with pytest.raises(TableUnreadable) as unreadable:
        read(tmp_path, content)
    assert str(unreadable.value).startswith(f"{tmp_path / 'index.csv'}: ")
    assert told in str(unreadable.value)


@pytest.mark.parametrize(("content", "told"), BAD_JSON.values(), ids=BAD_JSON)
def test_json_that_is_no_list_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    """File, line, character and what is wrong."""
    with pytest.raises(TableUnreadable) as unreadable:
        read(tmp_path, content, "index.json")
    assert str(unreadable.value).startswith(f"{tmp_path / 'index.json'}: ")
    assert told in str(unreadable.value)


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    """The sentence says which file, also where a folder bears its name."""
    with pytest.raises(TableUnreadable, match=r"index\.csv cannot be read: No such file"):
        read_table(tmp_path / "index.csv", COLUMNS)
    with pytest.raises(TableUnreadable, match=r"cannot be read: Is a directory"):
        read_table(tmp_path, COLUMNS)


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_from_any_spreadsheet_reads_the_same(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    """Separator, byte order mark and encoding do not matter; umlauts arrive."""
    lines = [["File", " customer_number "], ["Müller & Söhne €.pdf", "4711"], ["", ""], ['"a, b; c.pdf"', ""]]
    content = end.join(delimiter.join(line) for line in lines).encode(encoding)
    assert read(tmp_path, content) == [
        Row(2, {"file": "Müller & Söhne €.pdf", "customer_number": "4711"}),
        Row(4, {"file": "a, b; c.pdf", "customer_number": None}),
    ]


def test_a_file_that_is_not_utf_8_is_read_with_a_hint(tmp_path: Path) -> None:
    """Windows-1252 is a guess that a person should know of; UTF-8 needs no word."""
    for name, content in (("w.csv", "file;customer_number\nMüller;1\n"), ("w.json", '[{"file": "Müller"}]')):
        (tmp_path / name).write_bytes(content.encode("cp1252"))
        table = read_table(tmp_path / name, COLUMNS)
        assert [row.cells["file"] for row in table.rows] == ["Müller"]
        assert "not UTF-8 and is read as Windows-1252" in (table.hint or "")
        (tmp_path / name).write_text(content, encoding="utf-8")
        assert read_table(tmp_path / name, COLUMNS).hint is None


def test_a_row_that_is_too_long_is_a_fault_of_its_own(tmp_path: Path) -> None:
    """The rows around it are read, and lines are counted as an editor does."""
    rows = read(tmp_path, b'file;customer_number\n"a\nb";1\na;1;x\nc;2\nd;3;\n')
    assert [(row.line, bool(row.faults)) for row in rows] == [(2, False), (4, True), (5, False), (6, False)]


def test_an_amount_that_parts_a_cell_is_guessed(tmp_path: Path) -> None:
    """A decimal comma in a table of commas is the usual reason for a cell too many."""
    [row] = read(tmp_path, b"file,customer_number\na,1,00\n")
    assert row.faults[0].problem.startswith("has 3 cells, and line 1 names 2 columns; 119,00 needs quotes")


def test_numbers_in_json_keep_their_digits(tmp_path: Path) -> None:
    """A number without quotes means what is written there, and each row has the line where it begins."""
    rows = read(tmp_path, b'[{"File": 0.10,\n "customer_number": 4711},\n\n{"file": null}]', "index.json")
    assert rows == [Row(1, {"file": "0.10", "customer_number": "4711"}), Row(4, {"file": None})]


def test_what_is_wrong_with_an_entry_in_json_is_told_at_once(tmp_path: Path) -> None:
    """Values of another kind, unknown and repeated names; the other entries are read."""
    content = b"""[
      {"file": ["a"], "customer_number": true, "due_on": {}, "due_date": "x"},
      5,
      {"file": "a", "FILE": "b", "customer_number": NaN},
      {"file": "c"}
    ]"""
    rows = read(tmp_path, content, "index.json")
    assert rows[0].faults == (
        Fault("file", "must be text or a number, not a list"),
        Fault("customer_number", "must be text or a number, not true or false"),
        Fault("due_on", "must be text or a number, not an object"),
        Fault("due_date", "is no column of this table; perhaps due_on is meant"),
    )
    assert [(row.line, [fault.problem for fault in row.faults]) for row in rows[1:]] == [
        (3, ["is not an object"]),
        (4, ["stands there twice", "must be text or a number, not NaN or Infinity"]),
        (5, []),
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=120) | st.text('a";,\n\r[]{}: \u20ac', max_size=80).map(str.encode),
    st.sampled_from(["index.csv", "index.json"]),
)
def test_no_bytes_cause_another_error(tmp_path: Path, content: bytes, name: str) -> None:
    """Any file at all gives rows or TableUnreadable."""
    try:
        rows = read(tmp_path, (HEADER if name == "index.csv" else b"") + content, name)
    except TableUnreadable:
        return
    assert all(row.line >= 1 for row in rows)
