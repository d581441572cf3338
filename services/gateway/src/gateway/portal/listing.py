"""What a visitor asked of the list of documents, kept in the address: every view can be bookmarked and sent to a colleague."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from urllib.parse import urlencode

from gateway.translations import mark as _
from gateway.words import GROUPINGS

SORTS = ("document_number", "issued_on", "document_type", "published_at")
DEFAULT_SORT = "-published_at"
_TYPE = re.compile(r"[a-z0-9_-]{1,64}")
_NO_DATE = _("Bitte geben Sie ein gültiges Datum ein, zum Beispiel 02.03.2018.")
_GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_LONGEST = {"q": 200, "cursor": 2000}


@dataclass(frozen=True)
class Listing:
    q: str = ""
    type: str = ""
    issued_from: str = ""
    issued_to: str = ""
    new: str = ""
    sort: str = DEFAULT_SORT
    group: str = ""
    cursor: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "Listing":
        """Read an address. What is no known choice counts as not chosen; a wrong date is told by its field."""
        group = asked.get("group", "") if asked.get("group", "") in GROUPINGS else ""
        start, end = _date(asked.get("issued_from", "")), _date(asked.get("issued_to", ""))
        return cls(
            q=_words(asked.get("q", ""))[: _LONGEST["q"]],
            type=asked.get("type", "") if _TYPE.fullmatch(asked.get("type", "")) else "",
            issued_from=start,
            issued_to=end,
            new="true" if asked.get("new") == "true" else "",
            sort=_sort(asked.get("sort", "")),
            group=group,
            cursor=asked.get("cursor", "")[: _LONGEST["cursor"]],
            errors=_errors(start, end),
        )

    @property
    def filters(self) -> int:
        """Count the filters in force; the words searched for are shown in their own field."""
        return sum(map(bool, (self.type, self.issued_from, self.issued_to, self.new)))

    @property
    def is_filtered(self) -> bool:
        return bool(self.q or self.filters)

    @property
    def sort_field(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    def upstream(self) -> dict[str, str]:
        """Give the query for the documents service."""
        asked = ("q", "type", "issued_from", "issued_to", "new", "sort", "group", "cursor")
        return {name: getattr(self, name) for name in asked if getattr(self, name)}

    def link(self, **changes: str) -> str:
        """Give the address of the same view with something changed, from its first page unless a cursor is given."""
        query = replace(self, **{"cursor": "", **changes}).upstream()  # type: ignore[arg-type] # texts alone are changed
        if query["sort"] == DEFAULT_SORT:
            del query["sort"]
        return "/dokumente" + (f"?{urlencode(query)}" if query else "")

    def sorted_by(self, name: str) -> str:
        """Give the link of a column's head: ascending first, then descending."""
        return self.link(sort=f"-{name}" if self.sort == name else name)


def _sort(asked: str) -> str:
    return asked if asked.removeprefix("-") in SORTS else DEFAULT_SORT


def _words(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _date(text: str) -> str:
    """Give the day as ISO writes it, where it is one; also as Germans write it."""
    german = _GERMAN_DATE.fullmatch(text.strip())
    if german:
        day, month, year = german.groups()
        return f"{year}-{month:0>2}-{day:0>2}"
    return text.strip()[:20]


def _errors(start: str, end: str) -> dict[str, str]:
    errors = {name: _NO_DATE for name, day in (("issued_from", start), ("issued_to", end)) if day and not _is_date(day)}
    if not errors and start and end and end < start:
        errors["issued_to"] = _("Das Ende des Zeitraums liegt vor seinem Anfang.")
    return errors


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
