"""Versions, withdrawals and what is current, one rule a test."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from documents.domain import Arrival, Document, Facts, Published, Removed, Stay

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
STAY = Stay(START, date(2027, 12, 23))


def a_document() -> Document:
    return Document(UUID(int=1), "4711", "R1")


def arrival(content: str, minute: int, event_id: str = "a", document_type: str = "invoice") -> Arrival:
    facts = Facts(document_type, date(2026, 11, 20), "application/pdf", 10)
    return Arrival("4711", "R1", content, (START + timedelta(minutes=minute), event_id), facts, f"4711/{content}/x")


def numbers(document: Document) -> dict[str, int]:
    return {sha256: version.number for sha256, version in document.versions.items()}


def test_first_bytes_are_published_as_version_one() -> None:
    """The first bytes under a number become version 1 and are published as current."""
    document = a_document()
    changes = document.file(arrival("x", 1), STAY)
    assert changes == [Published(document.versions["x"], current=True)]
    assert numbers(document) == {"x": 1}


def test_the_same_bytes_again_change_nothing() -> None:
    """The same bytes under another event id are no new version and say nothing."""
    document = a_document()
    document.file(arrival("x", 1), STAY)
    assert document.file(arrival("x", 2, "b"), STAY) == []
    assert numbers(document) == {"x": 1}


def test_the_first_arrivals_facts_are_kept() -> None:
    """The same bytes with other facts keep the facts of their first arrival."""
    document = a_document()
    document.file(arrival("x", 1), STAY)
    document.file(arrival("x", 2, "b", document_type="contract"), STAY)
    assert document.versions["x"].facts.document_type == "invoice"


def test_an_exact_repeat_touches_nothing() -> None:
    """An arrival that neither lowers the first nor raises the last moment leaves nothing to store."""
    document = a_document()
    document.file(arrival("x", 1), STAY)
    document.touched.clear()
    document.file(arrival("x", 1), STAY)
    assert document.touched == set()


def test_other_bytes_are_a_new_current_version() -> None:
    """Other bytes said later are the next version and current."""
    document = a_document()
    document.file(arrival("x", 1), STAY)
    assert document.file(arrival("y", 2), STAY) == [Published(document.versions["y"], current=True)]
    assert numbers(document) == {"x": 1, "y": 2}


def test_a_version_arriving_after_a_newer_one_is_filed_as_not_current() -> None:
    """Other bytes said earlier are filed, published as not current, and the newer version stays."""
    document = a_document()
    document.file(arrival("y", 2), STAY)
    assert document.file(arrival("x", 1), STAY) == [Published(document.versions["x"], current=False)]
    assert document.current is document.versions["y"]


def test_moments_alike_are_ordered_by_event_id() -> None:
    """Of two versions said at the same moment the one with the higher event id is current."""
    document = a_document()
    document.file(arrival("x", 1, "b"), STAY)
    document.file(arrival("y", 1, "a"), STAY)
    assert document.current is document.versions["x"]


def test_a_version_that_becomes_current_later_is_published_again() -> None:
    """When an earlier word moves a version back, the one that becomes current is said again as current."""
    document = a_document()
    document.file(arrival("x", 5), STAY)
    document.file(arrival("y", 3), STAY)
    assert document.file(arrival("x", 2), STAY) == [Published(document.versions["y"], current=True)]


def test_a_withdrawal_removes_everything_said_before_it() -> None:
    """A withdrawal hides all versions said before and says so once for the whole document."""
    document = a_document()
    document.file(arrival("x", 1), STAY)
    document.file(arrival("y", 2), STAY)
    assert document.withdraw(START + timedelta(minutes=3)) == [Removed(None)]
    assert document.current is None


def test_a_withdrawal_at_the_same_moment_hides() -> None:
    """Only what was said later than the withdrawal is visible, not what was said at the same moment."""
    document = a_document()
    document.file(arrival("x", 1), STAY)
    assert document.withdraw(START + timedelta(minutes=1)) == [Removed(None)]


def test_an_older_withdrawal_hides_the_older_version_alone() -> None:
    """A withdrawal that arrives late removes only the versions that billing did not say again."""
    document = a_document()
    document.file(arrival("x", 1), STAY)
    document.file(arrival("y", 3), STAY)
    assert document.withdraw(START + timedelta(minutes=2)) == [Removed(1)]
    assert document.current is document.versions["y"]


def test_a_withdrawal_before_its_document_is_remembered() -> None:
    """A document said before a withdrawal that came first is filed and never shown."""
    document = a_document()
    assert document.withdraw(START + timedelta(minutes=3)) == []
    assert document.file(arrival("x", 1), STAY) == []
    assert document.current is None
    assert numbers(document) == {"x": 1}


def test_a_withdrawal_repeated_or_older_changes_nothing() -> None:
    """The latest withdrawal counts; an older one leaves nothing to store."""
    document = a_document()
    document.withdraw(START + timedelta(minutes=3))
    document.withdrawal_touched = False
    assert document.withdraw(START + timedelta(minutes=2)) == []
    assert not document.withdrawal_touched


def test_bytes_said_again_after_a_withdrawal_are_published_again() -> None:
    """The same bytes said after the withdrawal are visible again under the same version number."""
    document = a_document()
    document.file(arrival("x", 1), STAY)
    document.withdraw(START + timedelta(minutes=2))
    assert document.file(arrival("x", 3, "b"), STAY) == [Published(document.versions["x"], current=True)]
    assert numbers(document) == {"x": 1}


def test_the_highest_visible_version_is_current() -> None:
    """After a withdrawal the version that billing said again is current, though a withdrawn one is higher."""
    document = a_document()
    document.file(arrival("x", 1), STAY)
    document.file(arrival("y", 2), STAY)
    document.withdraw(START + timedelta(minutes=3))
    document.file(arrival("x", 4, "b"), STAY)
    assert document.current is document.versions["x"]
