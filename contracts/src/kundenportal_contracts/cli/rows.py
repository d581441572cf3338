"""What a table gives: rows with their lines, and faults with their columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

ALIKE = 0.5


class TableUnreadable(Exception):
    """No further row of the table can be used."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and in which column where it is one."""

    column: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class Row:
    """One entry. `line` is where it begins in the file; one with faults is no entry."""

    line: int
    cells: dict[str, str | None]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a table must have, and those it may have."""

    required: Sequence[str]
    optional: Sequence[str] = ()

    def unknown(self, name: str) -> str | None:
        """Say that there is no such column, and which one may be meant; None where there is."""
        known = [*self.required, *self.optional]
        if name in known:
            return None
        like = get_close_matches(name, known, n=1, cutoff=ALIKE)
        meant = f"perhaps {like[0]} is meant" if like else f"there are {', '.join(known)}"
        return f"is no column of this table; {meant}"
