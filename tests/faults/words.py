"""What billing's words make of each document by the rules of interfaces: what is told on the way, what is shown in the end."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tests.faults.history import AnyHistory, Issued, Withdrawn

Name = tuple[str, str]
"""customer_number, document_number"""

CURRENT, SUPERSEDED, REMOVED = "current", "superseded", "removed"
Telling = tuple[Name, str | None, str]
"""The document, the SHA-256 of the version (None: all of them, which are removed), and as what it is told."""


@dataclass(slots=True)
class Shelf:
    """One document: when each set of bytes was first and last said, and the latest withdrawal."""

    first: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    last: dict[str, datetime] = field(default_factory=dict)
    withdrawn: datetime | None = None

    def hear(self, word: Issued | Withdrawn) -> None:
        at = datetime.fromisoformat(word.ce_time)
        if isinstance(word, Withdrawn):
            self.withdrawn = max(at, self.withdrawn or at)
        else:
            said = (at, word.ce_id)
            self.first[word.sha256] = min(said, self.first.get(word.sha256, said))
            self.last[word.sha256] = max(at, self.last.get(word.sha256, at))

    def visible(self) -> set[str]:
        return {sha256 for sha256, at in self.last.items() if self.withdrawn is None or at > self.withdrawn}

    def current(self) -> str | None:
        return max(self.visible(), key=lambda sha256: (*self.first[sha256], sha256), default=None)


def words(history: AnyHistory) -> list[Issued | Withdrawn]:
    """Billing's words about documents in the order in which each partition has them, each event id once."""
    found: dict[str, Issued | Withdrawn] = {}
    for given in sorted(history.inputs, key=lambda given: given.place):
        if isinstance(given, Issued | Withdrawn):
            found.setdefault(given.ce_id, given)
    return list(found.values())


def name_of(word: Issued | Withdrawn) -> Name:
    return word.customer_number, word.document_number


def expected(history: AnyHistory) -> dict[Name, str | None]:
    """The bytes that each issued document shows in the end, whatever the order; None where it is withdrawn."""
    return {name: shelf.current() for name, shelf in _shelves(history).items() if shelf.first}


def tellings(history: AnyHistory) -> Counter[Telling]:
    """How often each version has to be told: when it becomes visible, when it becomes the current one, when it is gone."""
    told = Counter[Telling]()
    for name, before, after in _steps(history):
        visible, current = after.visible(), after.current()
        news, gone = visible - before.visible(), before.visible() - visible
        if current is not None and current != before.current():
            news.add(current)
        told.update((name, sha256, CURRENT if sha256 == current else SUPERSEDED) for sha256 in news)
        told.update((name, sha256, REMOVED) for sha256 in (gone if visible or not gone else {None}))
    return told


def withdrawals(history: AnyHistory) -> set[Name]:
    """The documents that were withdrawn at any time."""
    return {name_of(word) for word in words(history) if isinstance(word, Withdrawn)}


def _steps(history: AnyHistory) -> Iterator[tuple[Name, Shelf, Shelf]]:
    """The document of each word, as it was before the word and after it."""
    shelves: dict[Name, Shelf] = defaultdict(Shelf)
    for word in words(history):
        after = shelves[name_of(word)]
        before = Shelf(dict(after.first), dict(after.last), after.withdrawn)
        after.hear(word)
        yield name_of(word), before, after


def _shelves(history: AnyHistory) -> dict[Name, Shelf]:
    shelves: dict[Name, Shelf] = defaultdict(Shelf)
    for word in words(history):
        shelves[name_of(word)].hear(word)
    return shelves
