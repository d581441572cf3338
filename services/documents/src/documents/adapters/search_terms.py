"""What a person types into the search field, as conditions: number, type, amount or date, as Germans write them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from documents.adapters.postgres_documents import number_key
from documents.domain import GERMAN_LABELS

MAX_TERMS: Final = 8
ENGLISH_LABELS: Final = {
    "invoice": "invoice",
    "credit_note": "credit note",
    "cancellation": "cancellation",
    "reminder": "reminder",
    "delivery_note": "delivery note",
    "statement": "statement",
    "contract": "contract",
    "other": "other",
}
_AMOUNT: Final = re.compile(r"-?\d{1,3}(\.\d{3})*(,\d{1,4})?|-?\d{1,15}([.,]\d{1,4})?", re.ASCII)
_THOUSANDS: Final = re.compile(r"-?\d{1,3}(\.\d{3})+", re.ASCII)
_GERMAN_DATE: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_SMALLEST: Final = Decimal("0.0001")
_CURRENCIES: Final = frozenset({"€", "eur", "euro"})


@dataclass(frozen=True, slots=True)
class Term:
    """One word: a document matches it by any part of its number, or by any of the others."""

    number_part: str
    types: tuple[str, ...]
    amounts: tuple[tuple[Decimal, Decimal], ...]
    issued_on: date | None


def terms(text: str) -> list[Term]:
    """Split into words, all of which have to match; what cannot be printed, and a currency alone, is left out.

    A number with blanks in it is found by its words, as each of them is a part of it.
    """
    printable = "".join(character if character.isprintable() else " " for character in text)
    words = [word.strip("€") for word in printable.casefold().split() if word not in _CURRENCIES]
    return [_term(word) for word in words if word][:MAX_TERMS]


def _term(word: str) -> Term:
    return Term(
        number_part=number_key(word),
        types=tuple(name for name, label in GERMAN_LABELS.items() if _names(word, label, ENGLISH_LABELS[name])),
        amounts=tuple(_amounts(word)),
        issued_on=_date(word),
    )


def _names(word: str, *labels: str) -> bool:
    return any(part.startswith(word) for label in labels for part in label.casefold().split())


def _amounts(word: str) -> Iterator[tuple[Decimal, Decimal]]:
    """Give the range, upper end excluded, of the amounts that begin so: `119` is 119,00 to 119,99, `1.190` is 1190."""
    if not _AMOUNT.fullmatch(word):
        return
    german = "," in word or _THOUSANDS.fullmatch(word)
    written = word.replace(".", "").replace(",", ".") if german else word
    amount, decimals = Decimal(written), len(written.partition(".")[2])
    step = Decimal(1).scaleb(-decimals)
    if written.startswith("-"):
        yield amount - step + _SMALLEST, amount + _SMALLEST
    else:
        yield amount, amount + step


def _date(word: str) -> date | None:
    found = _GERMAN_DATE.fullmatch(word)
    if not found:
        return None
    day, month, year = (int(part) for part in found.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None
