"""DocumentIssued: verified, put, filed, published."""

import hashlib
from datetime import timedelta

import pytest

from chassis.messaging.retry import TryAgain
from chassis.testing.frozen_clock import FrozenClock
from tests.documents.making import ISSUED, NOW, WITHDRAWN, event, issued, pdf, referenced, withdrawn
from tests.documents.unit.conftest import Intake


async def test_a_document_is_published_with_all_that_is_known(intake: Intake) -> None:
    """DocumentPublished carries the facts, the stay, and the key under which the very bytes lie."""
    await intake.take(event(issued()))
    [published] = intake.said("DocumentPublished")
    key = published.pop("object_key")
    assert published == {
        "document_id": str(intake.document().id),
        "version": 1,
        "current": True,
        "customer_number": "4711",
        "document_number": "R0099901888",
        "document_type": "invoice",
        "issued_on": "2026-11-20",
        "published_at": "2026-11-23T12:00:00Z",
        "available_until": "2027-12-23",
        "media_type": "application/pdf",
        "size": len(pdf()),
        "sha256": hashlib.sha256(pdf()).hexdigest(),
        "xml_object_key": None,
        "gross_amount": "119.00",
        "currency": "EUR",
        "due_on": "2026-12-04",
        "einvoice": None,
        "findings": [],
    }
    assert intake.content.kept == {key: pdf()}
    assert key.startswith(f"4711/{published['sha256']}/")


async def test_referenced_content_is_read_and_put(intake: Intake) -> None:
    """Content in the intake bucket is verified and those bytes are put; billing's object stays."""
    intake.content.intake["billing/sap-1/x.pdf"] = pdf()
    await intake.take(event(referenced("billing/sap-1/x.pdf", pdf())))
    assert list(intake.content.kept.values()) == [pdf()]
    assert intake.content.intake == {"billing/sap-1/x.pdf": pdf()}


async def test_xml_alone_is_a_document(intake: Intake) -> None:
    """XML is put with its own media type."""
    await intake.take(event(issued(b"<Invoice/>", media_type="application/xml")))
    assert list(intake.content.media_types.values()) == ["application/xml"]


async def test_an_unknown_type_is_kept_as_it_came(intake: Intake) -> None:
    """A document type nobody knows is no fault."""
    await intake.take(event(issued(document_type="dunning_final")))
    assert intake.said("DocumentPublished")[0]["document_type"] == "dunning_final"


async def test_no_two_documents_share_an_object(intake: Intake) -> None:
    """The same bytes under two numbers are put twice."""
    await intake.take(event(issued(document_number="R1")), event(issued(document_number="R2")))
    assert len({published["object_key"] for published in intake.said("DocumentPublished")}) == 2


async def test_versions_in_one_batch_are_said_as_if_they_came_alone(intake: Intake) -> None:
    """Two versions in one batch are published one after the other, each current in its turn."""
    await intake.take(event(issued(pdf("a"))), event(issued(pdf("b")), time=NOW + timedelta(minutes=1)))
    told = [(one["version"], one["current"]) for one in intake.said("DocumentPublished")]
    assert told == [(1, True), (2, True)]


async def test_a_version_that_comes_late_is_filed(intake: Intake) -> None:
    """Of two versions out of order the later one stays current; the earlier one is said as not current."""
    await intake.take(event(issued(pdf("b")), time=NOW), event(issued(pdf("a")), time=NOW - timedelta(hours=1)))
    told = [(one["version"], one["current"]) for one in intake.said("DocumentPublished")]
    assert told == [(1, True), (2, False)]


async def test_a_withdrawn_document_is_removed_and_comes_back(intake: Intake) -> None:
    """Withdrawn and issued again later: removed as a whole, then published again under its version."""
    await intake.take(
        event(issued(), time=NOW),
        event(withdrawn(), ce_type=WITHDRAWN, time=NOW + timedelta(minutes=1)),
        event(issued(), time=NOW + timedelta(minutes=2)),
    )
    [removed] = intake.said("DocumentRemoved")
    assert removed == {
        "document_id": str(intake.document().id),
        "version": None,
        "customer_number": "4711",
        "document_number": "R0099901888",
        "reason": "withdrawn",
    }
    first, again = intake.said("DocumentPublished")
    assert first == again


async def test_a_withdrawal_that_comes_first_hides_the_document(intake: Intake) -> None:
    """A withdrawal of a document nobody knows is kept, and the document behind it is filed unseen."""
    await intake.take(event(withdrawn(), ce_type=WITHDRAWN, time=NOW), event(issued(), time=NOW - timedelta(minutes=1)))
    assert intake.transactions.outbox == []
    assert len(intake.document().versions) == 1


async def test_trouble_makes_the_batch_wait_and_keeps_what_was_put(intake: Intake) -> None:
    """A store in trouble raises TryAgain; the next try puts only what is missing."""
    events = [event(issued(document_number=f"R{number}")) for number in range(10)]
    intake.content.fail_puts = 3
    handler = intake.handler(ISSUED)
    with pytest.raises(TryAgain):
        await handler.prepare(events)
    assert len(intake.content.kept) == 7
    await intake.take(*events)
    assert len(intake.content.kept) == 10
    assert len(intake.said("DocumentPublished")) == 10


async def test_what_was_put_long_ago_is_put_anew(intake: Intake, clock: FrozenClock) -> None:
    """Verdicts of a try that failed count for minutes only, so that no attempt grows older than an hour."""
    events = [event(issued(document_number=f"R{number}")) for number in range(2)]
    intake.content.fail_puts = 1
    with pytest.raises(TryAgain):
        await intake.handler(ISSUED).prepare(events)
    clock.advance(timedelta(minutes=6))
    await intake.take(*events)
    assert len(intake.content.kept) == 3


async def test_trouble_in_reading_is_no_missing_content(intake: Intake) -> None:
    """An intake store in trouble makes the batch wait and rejects nothing."""
    intake.content.intake["billing/sap-1/x.pdf"] = pdf()
    intake.content.fail_reads = 1
    issued_event = event(referenced("billing/sap-1/x.pdf", pdf()))
    with pytest.raises(TryAgain):
        await intake.take(issued_event)
    await intake.take(issued_event)
    assert intake.reasons == []


async def test_what_was_prepared_can_be_applied_again(intake: Intake) -> None:
    """After a rollback the same prepared batch, also in parts, has the same effect."""
    events = [event(issued(document_number=f"R{number % 3}"), event_id=f"e-{number % 4}") for number in range(8)]
    handler = intake.handler(ISSUED)
    prepared = await handler.prepare(events)
    with pytest.raises(RuntimeError):
        await apply_and_fail(intake, prepared)
    for part in (prepared[:3], prepared[3:]):
        async with intake.transactions.begin() as work:
            await handler.apply(part, work)
    assert {published["document_number"] for published in intake.said("DocumentPublished")} == {"R0", "R1", "R2"}
    assert len(intake.said("DocumentPublished")) == 3


async def apply_and_fail(intake: Intake, prepared: object) -> None:
    async with intake.transactions.begin() as work:
        await intake.handler(ISSUED).apply(prepared, work)  # type: ignore[arg-type]  # what prepare returned
        raise RuntimeError


async def test_the_stay_is_a_setting(clock: FrozenClock) -> None:
    """How many months a document stays comes from the settings."""
    intake = Intake(clock, settings=Intake(clock).settings.model_copy(update={"retention_months": 1}))
    await intake.take(event(issued()))
    assert intake.said("DocumentPublished")[0]["available_until"] == "2026-12-23"
