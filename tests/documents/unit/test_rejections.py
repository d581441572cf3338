"""What billing hands over and nobody can take: the right reason, kept byte for byte, and the next document flows on."""

import json
from datetime import timedelta
from typing import Any

import pytest

from chassis.messaging.subscriptions import Event, Record
from kundenportal_contracts.documents import DocumentRejected
from tests.documents.making import NOW, SOURCE, WITHDRAWN, event, issued, pdf, referenced, withdrawn
from tests.documents.unit.conftest import Intake

SHA_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

CASES: dict[str, tuple[Event, str]] = {
    "no JSON": (event(b"{"), "malformed_event"),
    "no object": (event(b"[1]"), "malformed_event"),
    "no value": (event(None), "malformed_event"),
    "not UTF-8": (event(b'{"a": "\xff"}'), "malformed_event"),
    "a foreign source": (event(issued(), source="crm/1"), "foreign_source"),
    "a source that only begins alike": (event(issued(), source="billing"), "foreign_source"),
    "another system's prefix": (event(referenced("billing/sap-2/x.pdf", pdf())), "foreign_source"),
    "a prefix that only begins alike": (event(referenced("billing/sap-11/x.pdf", pdf())), "foreign_source"),
    "a way out of the prefix": (event(referenced("billing/sap-1/../sap-2/x.pdf", pdf())), "foreign_source"),
    "two dots anywhere": (event(referenced("billing/sap-1/a..pdf", pdf())), "foreign_source"),
    "an absolute key": (event(referenced("/billing/sap-1/x.pdf", pdf())), "foreign_source"),
    "an empty step": (event(referenced("billing/sap-1//x.pdf", pdf())), "foreign_source"),
    "a backslash": (event(referenced("billing/sap-1/\\x.pdf", pdf())), "foreign_source"),
    "a word document": (event(issued(media_type="application/msword")), "unsupported_media_type"),
    "no media type": (event(issued(media_type=None)), "invalid_field"),
    "a bad customer number": (event(issued(customer_number="../4711")), "invalid_field"),
    "a slash in the number": (event(issued(document_number="a/b")), "invalid_field"),
    "a bad date": (event(issued(issued_on="02.03.2018")), "invalid_field"),
    "a negative size": (event(issued(size=-1)), "invalid_field"),
    "an amount with a comma": (event(issued(gross_amount="119,00")), "invalid_field"),
    "no base64": (event(issued(content={"inline": "%%%"})), "invalid_field"),
    "both contents": (event(issued(content={"inline": "", "object": {"key": "billing/sap-1/x"}})), "invalid_field"),
    "no content": (event(issued(content={})), "invalid_field"),
    "inline over 512 KiB": (event(issued(b"%PDF-" + bytes(512 * 1024))), "invalid_field"),
    "tomorrow's tomorrow": (event(issued(), time=NOW + timedelta(hours=24, seconds=1)), "invalid_field"),
    "26 MB by its own word": (event(issued(size=26_000_000)), "too_large"),
    "no such object": (event(referenced("billing/sap-1/nothing.pdf", pdf())), "content_missing"),
    "another hash": (event(issued(sha256="0" * 64)), "hash_mismatch"),
    "another size": (event(issued(size=1)), "hash_mismatch"),
    "nothing inside": (event(issued(b"")), "unreadable_content"),
    "HTML named PDF": (event(issued(b"<html></html>")), "unreadable_content"),
    "a PDF named XML": (event(issued(media_type="application/xml")), "unreadable_content"),
    "XML with a document type": (
        event(issued(b"<!DOCTYPE a><a/>", media_type="application/xml")),
        "unreadable_content",
    ),
    "an encrypted PDF": (event(issued(b"%PDF-1.4 /Encrypt")), "encrypted_pdf"),
    "a withdrawal without a number": (event(withdrawn(document_number=None), ce_type=WITHDRAWN), "invalid_field"),
    "a withdrawal from elsewhere": (event(withdrawn(), ce_type=WITHDRAWN, source="crm/1"), "foreign_source"),
    "a withdrawal of the future": (
        event(withdrawn(), ce_type=WITHDRAWN, time=NOW + timedelta(days=2)),
        "invalid_field",
    ),
}


@pytest.mark.parametrize(("bad", "reason"), CASES.values(), ids=CASES.keys())
async def test_each_fault_has_its_reason_and_the_next_flows_on(intake: Intake, bad: Event, reason: str) -> None:
    """The bad one is kept as it came and told with its reason; the good one behind it is published."""
    await intake.take(bad, event(issued(document_number="NEXT")))
    assert intake.reasons == [reason]
    [kept] = intake.quarantined
    assert (kept.record, kept.reason) == (bad.record, reason)
    assert [published["document_number"] for published in intake.said("DocumentPublished")] == ["NEXT"]
    assert (bad.source, bad.id) not in intake.transactions.inbox


async def test_a_referenced_object_over_the_limit_is_too_large(intake: Intake) -> None:
    """An object that is larger than its event says is too_large where it is over the limit."""
    intake.content.intake["billing/sap-1/x.pdf"] = b"%PDF-" + bytes(25_000_000)
    await intake.take(event(referenced("billing/sap-1/x.pdf", pdf())))
    assert intake.reasons == ["too_large"]


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("foreign_source", {"content": {"object": {"key": "billing/sap-2/x"}}}),
    ("unsupported_media_type", {"media_type": "text/html"}),
    ("invalid_field", {"issued_on": "never"}),
    ("too_large", {"size": 26_000_000}),
]


@pytest.mark.parametrize("first", range(len(FAULTS)))
async def test_the_first_reason_wins(intake: Intake, first: int) -> None:
    """A record with several faults is told with the one that stands first in the agreed order."""
    changes: dict[str, Any] = {"sha256": "0" * 64}
    for _, fault in FAULTS[first:]:
        changes |= fault
    await intake.take(event(issued(**changes)))
    assert intake.reasons == [FAULTS[first][0]]


async def test_nonsense_from_elsewhere_is_malformed_first(intake: Intake) -> None:
    """What is no JSON is malformed_event, whoever sends it."""
    await intake.take(event(b"{", source="crm/1"))
    assert intake.reasons == ["malformed_event"]


async def test_a_rejection_names_what_could_be_read(intake: Intake) -> None:
    """Customer and document are told where they are valid themselves; the customer is the key."""
    bad = event(issued(issued_on="never"), event_id="e-1", key=b"something")
    await intake.take(bad)
    [rejected] = intake.said("DocumentRejected")
    assert rejected["customer_number"] == "4711"
    assert rejected["document_number"] == "R0099901888"
    assert (rejected["ce_source"], rejected["ce_id"]) == (SOURCE, "e-1")
    assert "issued_on" in rejected["detail"]
    assert [row.key for row in intake.transactions.outbox] == ["4711"]


async def test_a_rejection_repeats_nothing_invalid(intake: Intake) -> None:
    """A number that is no number is told as unknown, and the record's own key is the key."""
    await intake.take(event(issued(customer_number="<script>", document_number="a/b"), key=b"k-7"))
    [rejected] = intake.said("DocumentRejected")
    assert (rejected["customer_number"], rejected["document_number"]) == (None, None)
    assert [row.key for row in intake.transactions.outbox] == ["k-7"]


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"a\x00b", b"x" * 300])
async def test_without_a_usable_key_the_quarantine_id_is_the_key(intake: Intake, key: bytes | None) -> None:
    """A record whose key cannot be repeated is told under its quarantine id."""
    await intake.take(event(b"{", key=key))
    [rejected] = intake.said("DocumentRejected")
    assert [row.key for row in intake.transactions.outbox] == [rejected["quarantine_id"]]


async def test_a_record_without_an_envelope_is_malformed(intake: Intake) -> None:
    """Headers that say nothing are told as empty, and the bytes are kept."""
    record = Record("billing.documents.v1", 0, 5, b"4711", b"hello", (("ce_source", b"billing/x"),))
    await intake.take_malformed(record)
    [rejected] = intake.said("DocumentRejected")
    assert (rejected["reason"], rejected["ce_source"], rejected["ce_id"]) == ("malformed_event", "billing/x", "")
    assert [kept.record for kept in intake.quarantined] == [record]


async def test_a_delivery_again_is_not_told_again(intake: Intake) -> None:
    """The same record read once more after a crash is neither kept nor told twice."""
    bad = event(b"{")
    await intake.take(bad)
    await intake.take(bad)
    assert len(intake.quarantined) == 1
    assert intake.reasons == ["malformed_event"]


async def test_another_record_in_the_same_place_is_told(intake: Intake) -> None:
    """After a topic was rebuilt its places begin anew; another record in a known place is another record."""
    for value in (b"{", b"["):
        await intake.take_malformed(Record("billing.documents.v1", 0, 5, None, value))
    assert len(intake.quarantined) == 2


async def test_a_rejection_has_the_same_id_whenever_it_is_made(intake: Intake, clock: Any) -> None:
    """The event id of a rejection follows from the record, so that readers know a repeat."""
    bad, other = event(b"{"), Intake(clock)
    await intake.take(bad)
    await other.take(bad)
    assert intake.transactions.outbox[0].ce_id == other.transactions.outbox[0].ce_id
    assert intake.transactions.outbox[0].ce_type == DocumentRejected.ce_type


async def test_a_rejected_event_is_judged_afresh(intake: Intake) -> None:
    """The same event sent again when its content has come is taken."""
    late = referenced("billing/sap-1/x.pdf", pdf())
    await intake.take(event(late, event_id="e-1"))
    intake.content.intake["billing/sap-1/x.pdf"] = pdf()
    await intake.take(event(late, event_id="e-1"))
    assert intake.reasons == ["content_missing"]
    assert len(intake.said("DocumentPublished")) == 1


async def test_values_of_a_bad_field_are_not_told(intake: Intake) -> None:
    """A detail names the field and not what stood in it."""
    await intake.take(event(issued(issued_on="geheimes Datum")))
    assert "geheim" not in json.dumps(intake.said("DocumentRejected"))
