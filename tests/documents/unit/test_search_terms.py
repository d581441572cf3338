"""What a word in the search field may mean."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.adapters.search_terms import MAX_TERMS, terms


@pytest.mark.parametrize(
    ("word", "low", "high"),
    [
        ("119", "119", "120"),
        ("119,5", "119.5", "119.6"),
        ("1.190", "1190", "1191"),
        ("1.190,05", "1190.05", "1190.06"),
        ("119.00", "119.00", "119.01"),
        ("-5", "-5.9999", "-4.9999"),
    ],
)
def test_an_amount_is_found_by_how_it_begins(word: str, low: str, high: str) -> None:
    """Points are thousands and commas decimals where a German would read them so."""
    [term] = terms(word)
    assert term.amounts == ((Decimal(low), Decimal(high)),)


@pytest.mark.parametrize("word", ["1.19.0", "1,2,3", "12,34567", "٣", "1e5", "--1", "9" * 16])
def test_what_is_no_amount_is_none(word: str) -> None:
    """Anything that is not written like an amount is looked for in numbers alone."""
    [term] = terms(word)
    assert term.amounts == ()


def test_few_words_count() -> None:
    """Words beyond the first few do not make the search more expensive."""
    assert len(terms("a " * 100)) == MAX_TERMS


@given(st.text(max_size=200))
def test_any_text_is_searchable(text: str) -> None:
    """Whatever is typed, no control character reaches the database and nothing fails."""
    for term in terms(text):
        assert term.number_part.isprintable()
        assert term.number_part
        assert not re.search(r"\s", term.number_part)
