"""The journal of a hand-over: what it knows after a kill, and whom it belongs to."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from kundenportal_contracts.cli.index import Entry
from kundenportal_contracts.cli.journal import Journal, JournalUnusable

SOURCE = "billing/sap-1"
ENTRY = Entry(2, "R1 (R1.pdf)", Path("/x/R1.pdf"), "R1.pdf", {"document_number": "R1"}, 3, 5)
OTHER = replace(ENTRY, fields={"document_number": "R2"})


def journal(
    folder: Path, cluster: str = "a", source: str = SOURCE, *, again: bool = False, fresh: bool = False
) -> Journal:
    return Journal.open(folder, cluster, source, again=again, fresh=fresh)


def written(folder: Path, *entries: Entry) -> Path:
    with journal(folder) as begun:
        for entry in entries:
            begun.add(entry, uuid4())
    return begun.path


def test_what_is_written_down_is_known_to_the_next_run(tmp_path: Path) -> None:
    """Each line counts as soon as it is written, without the file being closed."""
    with journal(tmp_path) as first:
        first.add(ENTRY, uuid4())
        with journal(tmp_path) as second:
            assert (second.is_done(ENTRY), second.is_done(OTHER)) == (True, False)


@pytest.mark.parametrize(
    "changed",
    [
        {"size": 4},
        {"modified_ns": 6},
        {"name": "R2.pdf"},
        {"fields": {"document_number": "R1", "due_on": "2018-03-16"}},
    ],
)
def test_a_row_or_file_that_changed_is_not_done(tmp_path: Path, changed: dict[str, object]) -> None:
    """What was handed over is the row with its file as they were; its place in the index does not matter."""
    written(tmp_path, ENTRY)
    with journal(tmp_path) as again:
        assert not again.is_done(replace(ENTRY, **changed))  # type: ignore[arg-type]
        assert again.is_done(replace(ENTRY, line=99))


def test_another_portal_source_or_way_of_making_ids_has_another_journal(tmp_path: Path) -> None:
    """What the test portal has says nothing about the real one."""
    written(tmp_path, ENTRY)
    for other in (journal(tmp_path, cluster="b"), journal(tmp_path, source="billing/x"), journal(tmp_path, again=True)):
        with other:
            assert not other.is_done(ENTRY)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_a_kill_cut_off_says_nothing(tmp_path: Path, cut: int) -> None:
    """The document of the torn line is said again, the next one is written on a line of its own."""
    path = written(tmp_path, ENTRY, OTHER)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - cut)
    with journal(tmp_path) as again:
        assert again.is_done(ENTRY)
        assert not again.is_done(OTHER) or cut == 1
        again.add(OTHER, uuid4())
    with journal(tmp_path) as third:
        assert third.is_done(ENTRY)
        assert third.is_done(OTHER)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\0", b"[]\n5\nnull\n", b'{"entry": "x"}\n{"run": null}\n', b'{"run": 5}\n']
)
def test_a_journal_that_is_none_knows_nothing(tmp_path: Path, content: bytes) -> None:
    """Whatever somebody wrote there, the worst is that all is said again."""
    with journal(tmp_path, again=True) as begun:
        path = begun.path
    path.write_bytes(content)
    with journal(tmp_path, again=True) as again:
        assert not again.is_done(ENTRY)
        assert isinstance(again.event_id(ENTRY), UUID)


def test_from_the_start_forgets_what_was_done(tmp_path: Path) -> None:
    """Asked for, all is said again, and a run that drew new ids keeps them: nothing gets a third id."""
    written(tmp_path, ENTRY)
    with journal(tmp_path, fresh=True) as anew:
        assert not anew.is_done(ENTRY)
    with journal(tmp_path, again=True) as first, journal(tmp_path, again=True) as second:
        assert first.event_id(ENTRY) == second.event_id(ENTRY)
        assert first.event_id(ENTRY) != first.event_id(OTHER)
    with journal(tmp_path, again=True, fresh=True) as third:
        assert third.event_id(ENTRY) == first.event_id(ENTRY)
    with journal(tmp_path, again=True) as fourth:
        fourth.add(ENTRY, uuid4())
    with journal(tmp_path, again=True, fresh=True) as fifth:
        assert (fifth.event_id(ENTRY), fifth.is_done(ENTRY)) == (first.event_id(ENTRY), False)
        fifth.remove()
    with journal(tmp_path, again=True, fresh=True) as next_run:
        assert next_run.event_id(ENTRY) != first.event_id(ENTRY)


def test_a_folder_that_takes_no_file_has_its_journal_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the user's state folder, one for each folder; where that takes none either, it is said."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    one, other = Path("/proc/self/fd"), Path("/proc/self")
    with journal(one) as first:
        first.add(ENTRY, uuid4())
    with journal(one) as again, journal(other) as another:
        assert (again.is_done(ENTRY), another.is_done(ENTRY)) == (True, False)
        assert again.path.is_relative_to(tmp_path / "state" / "kundenportal-billing")
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/self")
    with pytest.raises(JournalUnusable, match="cannot be written down, neither in /proc"):
        journal(one)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_a_full_disk_stops_no_hand_over(tmp_path: Path) -> None:
    """What is not written down would be said again, and counts once."""
    with journal(tmp_path) as begun:
        path = begun.path
    path.unlink()
    path.symlink_to("/dev/full")
    with journal(tmp_path) as full:
        full.add(ENTRY, uuid4())
        assert full.is_done(ENTRY)
