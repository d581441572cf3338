"""Dates, amounts and sizes as people read them; times are those of the customers, in Berlin."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import UnknownCurrencyError, format_currency, format_decimal

_LOCALES = {"de": Locale("de", "DE"), "en": Locale("en", "GB")}
_DATES = {"de": "dd.MM.yyyy", "en": "d MMM yyyy"}
_MOMENTS = {"de": "dd.MM.yyyy, HH:mm", "en": "d MMM yyyy, HH:mm"}
_BERLIN = ZoneInfo("Europe/Berlin")
_KILOBYTE = 1000


class Formats:
    """One language's way of writing; each method is a filter of the templates."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._locale = _LOCALES[language]

    def day(self, value: date | datetime | None) -> str:
        if value is None:
            return "–"
        return format_date(berlin_day(value), _DATES[self._language], locale=self._locale)

    def moment(self, value: datetime | None) -> str:
        if value is None:
            return "–"
        return format_datetime(value.astimezone(_BERLIN), _MOMENTS[self._language], locale=self._locale)

    def month(self, value: str) -> str:
        """Write a month such as 2018-03 in words; what is none is shown as it came."""
        try:
            first = date.fromisoformat(f"{value}-01")
        except ValueError:
            return value
        return format_date(first, "LLLL yyyy", locale=self._locale)

    def amount(self, value: Decimal | None, currency: str | None) -> str:
        if value is None:
            return ""
        try:
            return format_currency(value, currency or "EUR", locale=self._locale)
        except UnknownCurrencyError:
            return f"{format_decimal(value, locale=self._locale)} {currency}"

    def size(self, count: int) -> str:
        if count < _KILOBYTE:
            return f"{count} B"
        if count < _KILOBYTE * _KILOBYTE:
            return f"{round(count / _KILOBYTE)} KB"
        return f"{format_decimal(Decimal(count) / 1_000_000, '0.0', locale=self._locale)} MB"


def berlin_day(value: date | datetime) -> date:
    return value.astimezone(_BERLIN).date() if isinstance(value, datetime) else value
