"""The list's SQL: fixed pieces put together by what is asked for, every value a parameter.

It names the customer although row-level security does, too: so the (customer_number, …) indexes are used, and what is
searched for is compared with that customer's rows alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from documents.adapters.search_terms import Term, terms
from documents.domain import GERMAN_LABELS, OTHER
from documents.ports import Filters, Grouping, Page, Reader, SortField

_KNOWN_TYPES: Final = [name for name in GERMAN_LABELS if name != OTHER]
_SORTS: Final = {
    SortField.PUBLISHED_AT: ("d.published_at", "timestamptz"),
    SortField.ISSUED_ON: ("d.issued_on", "date"),
    SortField.DOCUMENT_NUMBER: ("d.number_key", "text"),
    SortField.DOCUMENT_TYPE: ("d.document_type", "text"),
}
# LIMIT keeps it a look-up by key for each row shown; NOT EXISTS would read all that the user ever downloaded.
_NEW: Final = (
    "(SELECT true FROM download w WHERE w.user_id = {user} AND w.document_id = d.id AND w.version = d.version LIMIT 1)"
    " IS {null}"
)
COLUMNS: Final = (
    "d.id, d.document_number, d.document_type, d.issued_on, d.published_at, d.available_until, d.version, d.corrected,"
    " d.media_type, d.size, d.gross_amount, d.currency"
)


Statement = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose list of what, in which order, on which day."""

    reader: Reader
    filters: Filters
    page: Page
    today: date


def groups_statement(asked: Asked) -> Statement:
    """Count what the filters let through, whatever page is asked for."""
    pieces = _Pieces(asked)
    conditions = pieces.shown() + pieces.filtered()
    sql = (
        f"SELECT {pieces.group_key()} AS group_key, count(*) AS documents FROM document d"  # noqa: S608 - fixed pieces alone
        f" WHERE {' AND '.join(conditions)} GROUP BY 1 ORDER BY 1 {_direction(descending=pieces.groups_descend)}"
    )
    return sql, tuple(pieces.values)


def rows_statement(asked: Asked, after: Sequence[str] | None) -> Statement:
    """One row more than the page has, so that it is known whether another page follows."""
    pieces, page = _Pieces(asked), asked.page
    sort, direction = _SORTS[page.sort][0], _direction(descending=page.descending)
    columns = [COLUMNS, f"{sort} AS sort_key", f"{pieces.new()} AS new"]
    conditions = pieces.shown() + pieces.filtered()
    order = [f"{sort} {direction}", f"d.id {direction}"]
    group = pieces.group_key() if page.grouping else None
    if group:
        columns.append(f"{group} AS group_key")
        order.insert(0, f"group_key {_direction(descending=pieces.groups_descend)}")
    if after:
        conditions.append(pieces.after(after, group))
    sql = (
        f"SELECT {', '.join(columns)} FROM document d"  # noqa: S608 - fixed pieces alone
        f" WHERE {' AND '.join(conditions)} ORDER BY {', '.join(order)} LIMIT {pieces.add(page.limit + 1, 'bigint')}"
    )
    return sql, tuple(pieces.values)


def document_statement(reader: Reader, document_id: UUID, today: date) -> Statement:
    """One document as the list shows it."""
    pieces = _Pieces(Asked(reader, Filters(), Page(), today))
    columns = f"{COLUMNS}, {pieces.new()} AS new"
    conditions = [*pieces.shown(), f"d.id = {pieces.add(document_id, 'uuid')}"]
    return f"SELECT {columns} FROM document d WHERE {' AND '.join(conditions)}", tuple(pieces.values)  # noqa: S608 - the same


class _Pieces:
    """Collects the values of one statement and gives the pieces of SQL that name their places."""

    def __init__(self, asked: Asked) -> None:
        self.values: list[Any] = []
        self._asked = asked

    def add(self, value: Any, cast: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{cast}"

    def new(self, *, wanted: bool = True) -> str:
        return _NEW.format(user=self.add(self._asked.reader.user_id, "uuid"), null="NULL" if wanted else "NOT NULL")

    def shown(self) -> list[str]:
        return [
            f"d.customer_number = {self.add(self._asked.reader.customer_number, 'text')}",
            "d.version IS NOT NULL",
            f"d.available_until >= {self.add(self._asked.today, 'date')}",
        ]

    def filtered(self) -> list[str]:
        add, filters, conditions = self.add, self._asked.filters, []
        if filters.types:
            conditions.append(self._of_types(filters.types))
        if filters.issued_from is not None:
            conditions.append(f"d.issued_on >= {add(filters.issued_from, 'date')}")
        if filters.issued_to is not None:
            conditions.append(f"d.issued_on <= {add(filters.issued_to, 'date')}")
        if filters.new is not None:
            conditions.append(self.new(wanted=filters.new))
        return conditions + [self._matches(term) for term in terms(filters.text)]

    @property
    def groups_descend(self) -> bool:
        """The newest month or year first, types by name."""
        return self._asked.page.grouping is not Grouping.TYPE

    def _of_types(self, types: Sequence[str]) -> str:
        """A type nobody knows counts as `other`, too."""
        condition = f"d.document_type = ANY({self.add(list(types), 'text[]')})"
        if OTHER not in types:
            return condition
        return f"({condition} OR d.document_type <> ALL({self.add(_KNOWN_TYPES, 'text[]')}))"

    def _matches(self, term: Term) -> str:
        add = self.add
        ways = [f"strpos(d.number_key, {add(term.number_part, 'text')}) > 0"]
        if term.types:
            ways.append(self._of_types(term.types))
        ways += [
            f"(d.gross_amount::numeric >= {add(low, 'numeric')} AND d.gross_amount::numeric < {add(high, 'numeric')})"
            for low, high in term.amounts
        ]
        if term.issued_on is not None:
            ways.append(f"d.issued_on = {add(term.issued_on, 'date')}")
        return f"({' OR '.join(ways)})"

    def group_key(self) -> str:
        grouping = self._asked.page.grouping
        if grouping is Grouping.TYPE:
            known = self.add(_KNOWN_TYPES, "text[]")
            return f"CASE WHEN d.document_type = ANY({known}) THEN d.document_type ELSE '{OTHER}' END"
        return f"to_char(d.issued_on, '{'YYYY' if grouping is Grouping.YEAR else 'YYYY-MM'}')"

    def after(self, place: Sequence[str], group: str | None) -> str:
        """What comes after a row in the page's order, by the values that it was ordered by."""
        *group_key, sort_key, id_ = place
        page = self._asked.page
        sort, kind = _SORTS[page.sort]
        values = f"({self.add(_value(sort_key, kind), kind)}, {self.add(UUID(id_), 'uuid')})"
        row = f"({sort}, d.id) {_beyond(descending=page.descending)} {values}"
        if group is None:
            return row
        key = self.add(group_key[0], "text")
        return f"({group} {_beyond(descending=self.groups_descend)} {key} OR ({group} = {key} AND {row}))"


def place_of(row: Any, *, grouped: bool) -> list[str]:
    """The values by which a row stands where it stands, as a cursor carries them."""
    sort_key = row.sort_key if isinstance(row.sort_key, str) else row.sort_key.isoformat()
    return [*([row.group_key] if grouped else []), sort_key, str(row.id)]


def _value(text: str, kind: str) -> date | datetime | str:
    if kind == "timestamptz":
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if kind == "date" else text


def _direction(*, descending: bool) -> str:
    return "DESC" if descending else "ASC"


def _beyond(*, descending: bool) -> str:
    return "<" if descending else ">"
