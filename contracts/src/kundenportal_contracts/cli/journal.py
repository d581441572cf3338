"""What a folder's hand-over has done so far, on disk: an interrupted one goes on where it stopped.

One line is appended when the broker has a document, so that a kill loses at most the documents on their way; these are
said again under the same ids and count once. A journal belongs to one Kafka cluster, one source and one way of making
ids. It goes when everything in the index is handed over: the next run then says all of it again.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4, uuid5

from kundenportal_contracts.cli.index import Entry


class JournalUnusable(Exception):
    """Nothing can be written, neither in the folder nor in the user's state folder."""


@dataclass(slots=True)
class Journal:
    """The entries that are handed over, by their fingerprint. `run` makes the ids of a run that draws new ones."""

    path: Path
    run: UUID | None
    done: set[str] = field(default_factory=set)
    _file: FileIO | None = None

    @classmethod
    def open(cls, folder: Path, cluster: str, source: str, *, again: bool, fresh: bool = False) -> Self:
        """Open the journal of this folder for this cluster and source, or begin one; `fresh` forgets what was done, not the ids."""
        name = f".kundenportal-{_digest(cluster, source, 'again' if again else 'same')[:12]}.jsonl"
        for path in (folder / name, _state_folder() / f"{_digest(str(folder.resolve()))[:12]}{name}"):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                return cls._at(path, again=again, fresh=fresh)
            except OSError:
                continue
        raise JournalUnusable(f"what is done cannot be written down, neither in {folder} nor in {_state_folder()}")

    @classmethod
    def _at(cls, path: Path, *, again: bool, fresh: bool) -> Self:
        lines = _lines(path) if path.is_file() else []
        run = (_run(lines) or uuid4()) if again else None
        if fresh:
            lines = []
        journal = cls(path, run, {line["entry"] for line in lines if "entry" in line})
        journal._file = path.open("wb" if fresh else "ab", buffering=0)
        # A line that a kill cut off ends here.
        journal._write({"run": str(run) if run else None}, start="\n" if lines else "")
        return journal

    def is_done(self, entry: Entry) -> bool:
        """Whether this row, with its file as it is now, is handed over."""
        return fingerprint(entry) in self.done

    def event_id(self, entry: Entry) -> UUID | None:
        """Give the id of an entry in a run that draws new ones: after an interruption it is the same again."""
        return uuid5(self.run, fingerprint(entry)) if self.run else None

    def add(self, entry: Entry, event_id: UUID) -> None:
        """Write down that the broker has the document; on return it survives the end of this process."""
        self.done.add(fingerprint(entry))
        self._write({"entry": fingerprint(entry), "event_id": str(event_id), "line": entry.line})

    def remove(self) -> None:
        """Forget all: nothing is left to do."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _write(self, line: dict[str, Any], start: str = "") -> None:
        """Append a line. Where the disk is full, no more is written down: what follows would be said again."""
        if self._file is not None:
            try:
                self._file.write(f"{start}{json.dumps(line)}\n".encode())
            except OSError:
                self._file.close()
                self._file = None


def fingerprint(entry: Entry) -> str:
    """Tell one row with one state of its file from all others, without reading the file."""
    cells = [f"{name}={value}" for name, value in sorted(entry.fields.items())]
    return _digest(entry.name, str(entry.size), str(entry.modified_ns), *cells)


def _lines(path: Path) -> list[dict[str, Any]]:
    """Read what is whole; a line that a kill or a full disk cut off says nothing."""
    found = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict):
                found.append(told)
    return found


def _run(lines: list[dict[str, Any]]) -> UUID | None:
    for line in lines:
        try:
            return UUID(str(line.get("run")))
        except ValueError:
            continue
    return None


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "backslashreplace")).hexdigest()


def _state_folder() -> Path:
    root = os.environ.get("XDG_STATE_HOME")
    return (Path(root) if root else Path.home() / ".local" / "state") / "kundenportal-billing"
