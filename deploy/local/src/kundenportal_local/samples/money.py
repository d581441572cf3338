"""Amounts and dates as German papers show them."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
VAT = Decimal("0.19")
MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip


def cents(amount: Decimal) -> Decimal:
    """Round to whole cents, half up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def euro(amount: Decimal) -> str:
    """`1.234,50 €`."""
    return f"{cents(amount):,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".") + " €"


def number(amount: Decimal) -> str:
    """`1.234,5`, without zeros that say nothing."""
    text = f"{amount.normalize():,f}"
    return text.replace(",", " ").replace(".", ",").replace(" ", ".")


def day(value: date) -> str:
    """`02.03.2018`."""
    return f"{value:%d.%m.%Y}"


def month(value: date) -> str:
    """`März 2018`."""
    return f"{MONTHS[value.month - 1]} {value.year}"


def month_before(value: date, months: int) -> date:
    """The first day of the month that many months earlier."""
    years, index = divmod(value.year * 12 + value.month - 1 - months, 12)
    return date(years, index + 1, 1)
