"""`--log FILE`: every line is JSON whatever stood in the index, and a disk that is full stops no hand-over."""

import json
from pathlib import Path

import pytest

from kundenportal_contracts.cli.hand_over import tell
from kundenportal_contracts.cli.log import Log
from kundenportal_contracts.cli.rows import Columns, Fault
from kundenportal_contracts.cli.tables import read_table

ODD = ["\ud800", "a\u2028b", "a\nb", "\x1b[31mred", "Łęcki"]


def test_odd_characters_are_logged(tmp_path: Path) -> None:
    """Half a surrogate and line breaks of any kind come back from their line as they were."""
    with Log(tmp_path / "log.jsonl") as log:
        for odd in ODD:
            log.refused(2, odd, (Fault(odd, "is no column"),))
    lines = (tmp_path / "log.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["label"] for line in lines] == ODD


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_a_full_disk_is_told_once_and_stops_no_hand_over(capsys: pytest.CaptureFixture[str]) -> None:
    """The log ends there; what is handed over is handed over."""
    with Log(Path("/dev/full")) as log:
        for line in (2, 3):
            log.refused(line, "R1", ())
    assert capsys.readouterr().err == "/dev/full cannot be written any more: No space left on device.\n"


def test_odd_column_names_disturb_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key of JSON with control characters is told as a cell would be."""
    (tmp_path / "index.json").write_text(json.dumps([dict.fromkeys(ODD, "1")]))
    [row] = read_table(tmp_path / "index.json", Columns(["file"])).rows
    tell([(row.line, "R1", fault) for fault in row.faults])
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(ODD)
    assert all(line.isprintable() for line in told)
    assert "column \\ud800: R1: is no column" in told[0]
