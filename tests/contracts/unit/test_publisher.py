"""BillingPublisher on a bus and a bucket in memory: what it refuses, what it says, under which id."""

import asyncio
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from kundenportal_contracts import topics
from kundenportal_contracts.billing import INLINE_BYTES, DocumentIssued
from kundenportal_contracts.envelope import decode, read_envelope
from kundenportal_contracts.publish import BillingPublisher, PublishFailed, S3Target
from kundenportal_contracts.publish.trace import trace_id
from tests.contracts.fakes import CUSTOMER, DOCUMENT, MemoryIntake, MemorySender, publisher

LARGE = bytes(INLINE_BYTES + 1)


@pytest.mark.parametrize(
    "source", ["", "billing/", "/billing", "billing//sap", "billing/../x", "billing/säp", "a\nb", "x" * 201]
)
def test_an_odd_source_is_refused_at_once(source: str) -> None:
    """The source becomes a prefix in the bucket and a header: it is plain."""
    with pytest.raises(PublishFailed, match="source"):
        BillingPublisher("unused:9092", source)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"issued_on": "02.03.2018"}, "issued_on"),
        ({"customer_number": "../4711"}, "customer_number"),
        ({"customer_number": None}, "customer_number"),
        ({"due_date": "2018-03-16"}, "due_date"),
        ({"size": 3}, "size"),
        ({"media_type": "text/html"}, "media_type"),
    ],
)
@pytest.mark.parametrize("content", [b"abc", LARGE], ids=["small", "large"])
async def test_a_wrong_field_is_named_and_nothing_leaves(changed: dict[str, Any], field: str, content: bytes) -> None:
    """A refusal comes before the upload and before the record."""
    sender, intake = MemorySender(), MemoryIntake()
    with pytest.raises(PublishFailed) as failed:
        await publisher(sender, intake).issue({**DOCUMENT, **changed}, content)
    assert failed.value.field == field
    assert (sender.records, intake.objects) == ([], {})


async def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A path that cannot be read is the caller's trouble, in a sentence."""
    with pytest.raises(PublishFailed, match=r"gone\.pdf cannot be read: No such file"):
        await publisher(MemorySender()).issue(DOCUMENT, tmp_path / "gone.pdf")


async def test_large_content_needs_a_bucket() -> None:
    """Without an S3Target, content over the inline cap is refused."""
    with pytest.raises(PublishFailed, match="S3Target"):
        await publisher(MemorySender()).issue(DOCUMENT, LARGE)


async def test_a_document_up_to_the_cap_stands_in_the_record() -> None:
    """Key, topic, headers and value are those of the interface."""
    sender = MemorySender()
    async with publisher(sender) as billing:
        event_id = await billing.issue(DOCUMENT, LARGE[:-1])
    [record] = sender.records
    envelope, event = read_envelope(record.headers), decode(DocumentIssued, record.value)
    assert (record.topic, record.key) == ("billing.documents.v1", b"4711")
    assert (envelope.id, envelope.source, envelope.type) == (str(event_id), "billing/sap-1", DocumentIssued.ce_type)
    assert (event.size, event.media_type, event.content.inline) == (INLINE_BYTES, "application/pdf", LARGE[:-1])
    assert not sender.is_open


async def test_the_largest_record_fits_its_topic() -> None:
    """With every text at its longest, a full inline record stays below what the topic takes."""
    sender = MemorySender()
    longest = {**DOCUMENT, "document_number": "€" * 64, "document_type": "€" * 64, "customer_number": "4" * 32}
    await publisher(sender).issue(longest, LARGE[:-1])
    [record] = sender.records
    assert len(record.value) + 4096 < topics.BILLING_DOCUMENTS.max_message_bytes


@pytest.mark.parametrize("as_file", [True, False])
async def test_larger_content_goes_to_the_bucket_first(as_file: bool, tmp_path: Path) -> None:
    """The key follows from source, customer and bytes; a file is uploaded from where it lies."""
    sender, intake = MemorySender(), MemoryIntake()
    file = tmp_path / "R.XML"
    file.write_bytes(LARGE)
    content = file if as_file else LARGE
    await publisher(sender, intake).issue(DOCUMENT, content)
    event = decode(DocumentIssued, sender.records[0].value)
    digest = hashlib.sha256(LARGE).hexdigest()
    media_type = "application/xml" if as_file else "application/pdf"
    assert intake.objects == {f"billing/sap-1/4711/{digest}": (content, media_type)}
    assert event.content.object is not None
    assert event.content.object.key == f"billing/sap-1/4711/{digest}"
    assert (event.size, event.sha256, event.media_type) == (len(LARGE), digest, media_type)


async def test_the_same_again_has_the_same_id_and_value() -> None:
    """Resuming is safe, whatever the order of the fields; the id follows from source and value alone."""
    sender = MemorySender()
    first = await publisher(sender).issue(DOCUMENT, b"abc")
    second = await publisher(sender).issue(dict(reversed(DOCUMENT.items())), b"abc")
    value = sender.records[0].value
    assert first == second == uuid5(uuid5(NAMESPACE_URL, "billing/sap-1"), hashlib.sha256(value).hexdigest())
    assert value == sender.records[1].value


async def test_an_id_of_ones_own_is_kept() -> None:
    """What was withdrawn is issued again under another id."""
    sender, own = MemorySender(), UUID(int=5)
    assert await publisher(sender).issue(DOCUMENT, b"abc", own) == own
    assert sender.header("ce_id") == [str(own)]


async def test_a_customer_changed_back_is_no_repeat() -> None:
    """Calls about customers and withdrawals mean now: each has an id of its own."""
    sender = MemorySender()
    billing = publisher(sender)
    gone = {"customer_number": "4711", "reason": "Ende"}
    for company in ("A", "B", "A"):
        await billing.change_customer({**CUSTOMER, "company": company})
    await billing.register_customer(CUSTOMER)
    await billing.close_customer(gone)
    for _ in range(2):
        await billing.withdraw({**gone, "document_number": "R1"})
    assert len(set(sender.header("ce_id"))) == 7
    assert [ce_type.split(".")[1] for ce_type in sender.header("ce_type")] == (
        ["CustomerChanged"] * 3 + ["CustomerRegistered", "CustomerClosed", "DocumentWithdrawn", "DocumentWithdrawn"]
    )
    assert {record.topic for record in sender.records} == {"billing.customers.v1", "billing.documents.v1"}


async def test_calls_at_once_keep_their_order_in_time() -> None:
    """Of two versions handed over together, the one begun later has the later ce_time."""
    sender = MemorySender()
    billing = publisher(sender)
    ids = await asyncio.gather(*(billing.issue(DOCUMENT, bytes([number])) for number in range(20)))
    times = {envelope.id: envelope.time for envelope in (read_envelope(record.headers) for record in sender.records)}
    assert sorted(times, key=lambda event_id: times[event_id]) == [str(event_id) for event_id in ids]
    assert len(set(times.values())) == 20


async def test_each_event_has_a_trace_of_its_own() -> None:
    """A new trace for each (W3C Trace Context), so that one id leads from billing to the mail; a given one is kept."""
    sender = MemorySender()
    billing = publisher(sender)
    for number in range(3):
        await billing.issue(DOCUMENT, bytes([number]))
    await billing.register_customer(CUSTOMER)
    given = f"00-{'a' * 32}-{'b' * 16}-00"
    await billing.issue(DOCUMENT, b"x", traceparent=given)
    [*own, last] = sender.header("traceparent")
    assert all(re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01", trace) for trace in own)
    assert len({trace_id(trace) for trace in own}) == 4
    assert last == given


async def test_an_event_joins_the_callers_trace() -> None:
    """Where OpenTelemetry has a current span, the event belongs to it."""
    sender = MemorySender()
    span = NonRecordingSpan(SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=False, trace_flags=TraceFlags(0)))
    with use_span(span):
        await publisher(sender).issue(DOCUMENT, b"abc")
    assert sender.header("traceparent") == [f"00-{0xABC:032x}-{0xDEF:016x}-00"]


def test_a_trace_needs_no_opentelemetry() -> None:
    """Where billing has not installed it, each event has a trace of its own."""
    program = "import sys; sys.modules['opentelemetry'] = None\nfrom kundenportal_contracts.publish import trace\n"
    told = subprocess.run(
        [sys.executable, "-c", f"{program}print(trace.opentelemetry, trace.current_traceparent())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"None 00-[0-9a-f]{32}-[0-9a-f]{16}-01\n", told.stdout)


def test_the_secret_key_is_not_shown() -> None:
    """A target can be printed."""
    assert "geheim" not in repr(S3Target("http://127.0.0.1:9000", "intake", "zugang", "geheim"))
