"""`--log FILE`: a JSON line for each document, with the ids by which it is found on the bus, in logs and in traces."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import typer

from kundenportal_contracts.cli.connection import errors
from kundenportal_contracts.cli.index import Entry
from kundenportal_contracts.cli.rows import Fault
from kundenportal_contracts.publish import PublishFailed


class Log:
    """Appends to a file; without one it keeps silent. Lines are written at once.

    Where a line cannot be written, this is told once and the log ends there: what is handed over does not depend on it.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: FileIO | None = None
        try:
            self._file = path.open("ab", buffering=0) if path else None
        except OSError as error:
            raise typer.BadParameter(f"{path} cannot be written: {error.strerror}", param_hint="--log") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def handed_over(self, entry: Entry, trace_id: str, event_id: UUID) -> None:
        """Write that the broker has the document."""
        self._write("handed_over", **_facts(entry), trace_id=trace_id, event_id=str(event_id))

    def failed(self, entry: Entry, trace_id: str, error: PublishFailed) -> None:
        """Write that nobody confirmed it; it may have arrived where it was the confirmation that is missing."""
        self._write("failed", **_facts(entry), trace_id=trace_id, problem=error.detail)

    def refused(self, line: int, label: str, faults: Sequence[Fault]) -> None:
        """Write that a row of the index is no document."""
        self._write("refused", line=line, label=label, faults=[asdict(fault) for fault in faults])

    def waiting(self, line: int, label: str, faults: Sequence[Fault]) -> None:
        """Write that a document was not tried, because an earlier version of it is not handed over."""
        self._write("waiting", line=line, label=label, faults=[asdict(fault) for fault in faults])

    def _write(self, outcome: str, **facts: Any) -> None:
        if self._file is None:
            return
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"at": at, "outcome": outcome, **facts}, ensure_ascii=False) + "\n"
        try:
            # Half a surrogate becomes \uXXXX, which JSON reads as what it was.
            self._file.write(line.encode("utf-8", "backslashreplace"))
        except OSError as error:
            errors.print(f"{self._file.name} cannot be written any more: {error.strerror}.")
            self._file.close()
            self._file = None


def _facts(entry: Entry) -> dict[str, Any]:
    named = {name: entry.fields[name] for name in ("customer_number", "document_number")}
    return {"line": entry.line, "file": entry.name, **named}
