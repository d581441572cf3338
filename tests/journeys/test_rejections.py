"""What cannot be taken is told to billing with its reason, and the next document flows on."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator

import pytest

from tests.fixtures.bus import SOURCE, Bus, Data, bus, headers, invoice
from tests.fixtures.papers import encrypted_pdf, pdf
from tests.fixtures.portal import Portal

pytestmark = pytest.mark.journey
TOPIC = "billing.documents.v1"
PAGE = b"<!DOCTYPE html><html><body>Rechnung.pdf</body></html>"


@pytest.fixture
async def billing(portal: Portal) -> AsyncIterator[Bus]:
    async with bus(portal.stack["kafka_bootstrap"]) as speaker:
        yield speaker


def wrong(name: str) -> Data:
    """An invoice of customer 4712 that is fine but for one thing."""
    content = pdf(f"Rechnung {name}")
    encrypted = encrypted_pdf(name)
    large = b"%PDF-1.7\n" + bytes(600_000)
    return {
        "unsupported_media_type": invoice("4712", name, content, media_type="image/png"),
        "invalid_field": invoice("4712", name, content, issued_on="30.02.2018"),
        "too_large": invoice("4712", name, content, size=26_000_000, content={"object": {"key": f"{SOURCE}/26mb"}}),
        "content_missing": invoice("4712", name, content, content={"object": {"key": f"{SOURCE}/nobody-put-this"}}),
        "hash_mismatch": invoice("4712", name, content, sha256=hashlib.sha256(b"other").hexdigest()),
        "encrypted_pdf": invoice("4712", name, encrypted),
        "unreadable_content": invoice("4712", name, PAGE),
        "foreign_source": invoice("4712", name, content, content={"object": {"key": "billing/other-erp/R1.pdf"}}),
        "inline over 512 KiB": invoice("4712", name, large, content={"inline": base64.b64encode(large).decode()}),
    }[name]


async def rejections(billing: Bus, number: str, seconds: float = 30) -> list[Data]:
    """DocumentRejected events for this document, once the one behind it has been published."""
    return await said(billing, "documents.DocumentRejected.v1", number, seconds)


async def said(billing: Bus, ce_type: str, number: str, seconds: float = 30) -> list[Data]:
    async with asyncio.timeout(seconds):
        while True:
            heard = await billing.heard("documents.documents.v1")
            if found := [data for kind, data in heard if kind == ce_type and data["document_number"] == number]:
                return found
            await asyncio.sleep(0.2)


REASONS = [
    "unsupported_media_type",
    "invalid_field",
    "too_large",
    "content_missing",
    "hash_mismatch",
    "encrypted_pdf",
    "unreadable_content",
    "foreign_source",
]


@pytest.mark.parametrize("reason", REASONS)
async def test_a_bad_document_is_rejected_and_the_next_one_taken(billing: Bus, reason: str) -> None:
    """Billing hears the reason; the document behind it on the same partition is published."""
    following = f"R-nach-{reason}"
    await billing.issue(wrong(reason))
    await billing.issue(invoice("4712", following, pdf(following)))
    await said(billing, "documents.DocumentPublished.v1", following)
    [rejected] = await rejections(billing, reason)
    assert rejected["reason"] == reason
    assert rejected["customer_number"] == "4712"
    assert rejected["ce_source"] == SOURCE
    assert rejected["quarantine_id"]


async def test_content_over_the_inline_cap_is_an_invalid_field(billing: Bus) -> None:
    """More than 512 KiB inline is billing's mistake in the field `content`."""
    await billing.issue(wrong("inline over 512 KiB"))
    [rejected] = await rejections(billing, "inline over 512 KiB")
    assert rejected["reason"] == "invalid_field"


async def test_broken_json_is_rejected_under_the_records_key(billing: Bus) -> None:
    """A value that is no JSON names no document, but its event id and key are told."""
    await billing.raw(TOPIC, b"4712", b"{not json", headers("billing.DocumentIssued.v1", "kaputt-1"))
    await billing.issue(invoice("4712", "R-nach-kaputt", pdf("R-nach-kaputt")))
    await said(billing, "documents.DocumentPublished.v1", "R-nach-kaputt")
    heard = await billing.heard("documents.documents.v1")
    [rejected] = [data for kind, data in heard if data.get("ce_id") == "kaputt-1"]
    assert rejected["reason"] == "malformed_event"


async def test_an_event_id_with_another_value_is_rejected(billing: Bus) -> None:
    """The same event id may come again, but not with other words."""
    await billing.issue(invoice("4712", "R-id-1", pdf("R-id-1")), "immer-dieselbe")
    await billing.issue(invoice("4712", "R-id-2", pdf("R-id-2")), "immer-dieselbe")
    [rejected] = await rejections(billing, "R-id-2")
    assert rejected["reason"] == "event_id_reused"


async def test_a_source_outside_the_allowed_patterns_is_foreign(billing: Bus) -> None:
    """Who is not billing cannot issue."""
    await billing.issue(invoice("4712", "R-fremd", pdf("R-fremd")), ce_source="shop/web-1")
    [rejected] = await rejections(billing, "R-fremd")
    assert rejected["reason"] == "foreign_source"
