from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from gateway.formats import Formats

GERMAN, ENGLISH = Formats("de"), Formats("en")


def test_days_are_written_as_people_here_write_them() -> None:
    """A moment shortly before midnight in UTC is already the next day in Berlin."""
    assert GERMAN.day(date(2018, 3, 2)) == "02.03.2018"
    assert GERMAN.day(datetime(2018, 3, 1, 23, 30, tzinfo=UTC)) == "02.03.2018"
    assert GERMAN.moment(datetime(2018, 7, 1, 22, 30, tzinfo=UTC)) == "02.07.2018, 00:30"
    assert ENGLISH.day(date(2018, 3, 2)) == "2 Mar 2018"


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("1234.56", "EUR", "1.234,56\xa0€"),
        ("-7", "EUR", "-7,00\xa0€"),
        ("119.00", "CHF", "119,00\xa0CHF"),
        ("119", "XQZ", "119,00\xa0XQZ"),
        ("119", None, "119,00\xa0€"),
    ],
)
def test_amounts_carry_their_currency(amount: str, currency: str | None, expected: str) -> None:
    """Known and unknown currencies are shown with what billing said."""
    assert GERMAN.amount(Decimal(amount), currency) == expected


def test_an_unknown_amount_is_left_out() -> None:
    """No amount is not an amount of nothing."""
    assert GERMAN.amount(None, "EUR") == ""


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (81_234, "81 KB"), (2_450_000, "2,4 MB")])
def test_sizes_are_rounded(count: int, text: str) -> None:
    """Two or three digits say enough."""
    assert GERMAN.size(count) == text


def test_months_have_names() -> None:
    """What is no month is shown as it came."""
    assert GERMAN.month("2018-03") == "März 2018"
    assert GERMAN.month("2018") == "2018"
    assert GERMAN.month("2018-13") == "2018-13"
