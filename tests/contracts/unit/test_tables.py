"""Tables as spreadsheets write them, and as they should not."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kundenportal_contracts.cli.tables import Row, TableUnreadable, read_table

COLUMNS = ("file", "customer_number")


def read(folder: Path, content: bytes, name: str = "index.csv") -> list[Row]:
    (folder / name).write_bytes(content)
    return read_table(folder / name, COLUMNS)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "missing: file, customer_number"),
        (b"a.pdf;4711\n", "missing: file, customer_number"),
        (b"file;document_number\n", "missing: customer_number"),
        (b"file;customer_number;file\n", "twice: file"),
        (b'file;customer_number\n"a.pdf;4711\n', "line 2"),
        (b'file;customer_number\n"a"b;4711\n', "line 2"),
        (b"\x00\x01\x02", "missing"),
        (b"file;customer_number\n" + b"x" * 200_000 + b";1\n", "line 2"),
    ],
)
def test_a_table_that_is_none_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    """The sentence names the file and what is missing or where it breaks."""
    with pytest.raises(TableUnreadable, match=rf"index\.csv: .*{told}"):
        read(tmp_path, content)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"5", b"[" * 100_000, b"\xff\xfe\x00"])
def test_json_that_is_no_list_is_told(tmp_path: Path, content: bytes) -> None:
    """JSON means a list of objects."""
    with pytest.raises(TableUnreadable, match=r"index\.json: (is not JSON|must be a list)"):
        read(tmp_path, content, "index.json")


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    """The sentence says which file."""
    with pytest.raises(TableUnreadable, match=r"index\.csv cannot be read: No such file"):
        read_table(tmp_path / "index.csv", COLUMNS)


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


def test_a_row_that_is_too_long_is_a_fault_of_its_own(tmp_path: Path) -> None:
    """The rows around it are read, and lines are counted as an editor does."""
    rows = read(tmp_path, b'file;customer_number\n"a\nb";1\na;1;x\nc;2\n')
    assert [(row.line, bool(row.fault)) for row in rows] == [(2, False), (4, True), (5, False)]


def test_numbers_in_json_keep_their_digits(tmp_path: Path) -> None:
    """A number without quotes means what is written there; other kinds of value are that entry's fault."""
    rows = read(
        tmp_path, b'[{"file": 0.10, "customer_number": 4711}, {"file": ["a"]}, 5, {"file": null}]', "index.json"
    )
    assert rows[0] == Row(1, {"file": "0.10", "customer_number": "4711"})
    assert [row.fault for row in rows[1:]] == ["file must be text or a number", "is not an object", None]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120), st.sampled_from(["index.csv", "index.json"]))
def test_no_bytes_cause_another_error(tmp_path: Path, content: bytes, name: str) -> None:
    """Any file at all gives rows or TableUnreadable."""
    header = b"file;customer_number\n" if name == "index.csv" else b""
    try:
        rows = read(tmp_path, header + content, name)
    except TableUnreadable:
        return
    assert all(row.line >= 1 for row in rows)
