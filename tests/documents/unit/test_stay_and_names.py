"""How long a document stays, and what its file is called."""

from datetime import UTC, date, datetime

import pytest

from documents.domain import Reason, file_name, german_label, stay_from, today


@pytest.mark.parametrize(
    ("published_at", "until"),
    [
        (datetime(2026, 11, 23, 12, tzinfo=UTC), date(2027, 12, 23)),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), date(2027, 2, 28)),
        (datetime(2027, 1, 31, 12, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2026, 11, 30, 23, 30, tzinfo=UTC), date(2028, 1, 1)),
        (datetime(2026, 7, 31, 22, 30, tzinfo=UTC), date(2027, 9, 1)),
    ],
)
def test_a_document_stays_thirteen_months(published_at: datetime, until: date) -> None:
    """It stays until the same day 13 months on, or the month's last day, counted in Europe/Berlin."""
    assert stay_from(published_at, 13).available_until == until


def test_the_day_changes_at_midnight_in_berlin() -> None:
    """What is left of a day is counted in Europe/Berlin, not in UTC."""
    assert today(datetime(2026, 11, 23, 23, 30, tzinfo=UTC)) == date(2026, 11, 24)


@pytest.mark.parametrize(
    ("document_type", "number", "media_type", "name"),
    [
        ("invoice", "R0099901888", "application/pdf", "Rechnung R0099901888.pdf"),
        ("credit_note", "G-7 ü€ł", "application/xml", "Gutschrift G-7 ü€ł.xml"),
        ("dunning", "X1", "application/pdf", "Sonstige X1.pdf"),
        ("invoice", 'a"b<c>:|?*', "application/pdf", "Rechnung a_b_c_____.pdf"),
        ("invoice", "a\u202egpj\n..", "application/pdf", "Rechnung a_gpj_.pdf"),
    ],
)
def test_a_file_is_named_by_type_and_number(document_type: str, number: str, media_type: str, name: str) -> None:
    """A file name has the German type and the number, and no character that a file system or header refuses."""
    assert file_name(document_type, number, media_type) == name


def test_an_older_version_says_so_in_its_name() -> None:
    """Downloading an older version never looks like the current one."""
    assert file_name("invoice", "R1", "application/pdf", older_version=1) == "Rechnung R1 (Version 1).pdf"


def test_an_unknown_type_is_shown_under_sonstige() -> None:
    """A type nobody knows is labelled Sonstige."""
    assert german_label("brochure") == "Sonstige"


def test_reasons_are_checked_in_the_agreed_order() -> None:
    """The order of the reasons is the order of the interface."""
    assert Reason.FOREIGN_SOURCE.comes_before(Reason.EVENT_ID_REUSED)
    assert not Reason.TOO_LARGE.comes_before(Reason.EVENT_ID_REUSED)
