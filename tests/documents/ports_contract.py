"""What every implementation of the ports does, be it memory or the real thing; a subclass's fixture gives it."""

import io
from collections.abc import Callable
from datetime import date, timedelta
from typing import Protocol
from uuid import UUID

import pikepdf
import pytest

from chassis.messaging.subscriptions import Event, Record
from documents.domain import Arrival, Document, DocumentRefused, Facts, Reason, Stay
from documents.ports import ContentStore, Inspector, IntakeStore, QuarantinedRecord
from tests.documents.making import NOW, Transactions, event, issued, pdf
from tests.fixtures import papers

STAY = Stay(NOW, date(2027, 12, 23))
FACTS = Facts("invoice", date(2026, 11, 20), "application/pdf", 10, "119.00", "EUR", date(2026, 12, 4))


def arrival(sha256: str, minute: int = 0, number: str = "R1", customer: str = "4711") -> Arrival:
    said = (NOW + timedelta(minutes=minute), f"id-{minute}")
    return Arrival(customer, number, sha256 * 64, said, FACTS, f"{customer}/{sha256}/x")


async def stored(transactions: Transactions, name: tuple[str, str] = ("4711", "R1")) -> Document:
    async with transactions.begin() as work:
        return (await work.documents.lock([name]))[name]


async def file_and_fail(transactions: Transactions) -> None:
    async with transactions.begin() as work:
        document = (await work.documents.lock([("4711", "R1")]))["4711", "R1"]
        document.file(arrival("a"), STAY)
        await work.documents.save([document])
        await work.quarantine.add([quarantined(1)])
        raise RuntimeError("on purpose")


async def take_and_fail(transactions: Transactions, event: Event) -> None:
    async with transactions.begin() as work:
        await work.inbox.take([event])
        raise RuntimeError("on purpose")


class WorkContract:
    async def test_an_unknown_document_is_created_once(self, transactions: Transactions) -> None:
        """Locking a name nobody knows gives an empty document, which is the same one once it was saved."""
        async with transactions.begin() as work:
            first = (await work.documents.lock([("4711", "R1")]))["4711", "R1"]
            assert (first.versions, first.withdrawn_at) == ({}, None)
            first.withdraw(NOW)
            await work.documents.save([first])
            assert (await work.documents.lock([("4711", "R1")]))["4711", "R1"].id == first.id
        assert (await stored(transactions)).id == first.id

    async def test_what_is_saved_is_loaded(self, transactions: Transactions) -> None:
        """Versions, their facts and moments, and the withdrawal come back as they were saved."""
        async with transactions.begin() as work:
            document = (await work.documents.lock([("4711", "R1")]))["4711", "R1"]
            document.file(arrival("a", 1), STAY)
            document.file(arrival("b", 2), STAY)
            document.withdraw(NOW)
            await work.documents.save([document])
        again = await stored(transactions)
        assert again.versions == document.versions
        assert again.withdrawn_at == NOW

    async def test_moments_of_a_known_version_are_updated(self, transactions: Transactions) -> None:
        """Saying the same bytes again moves their first and last moment and nothing else."""
        for minute in (2, 3, 1):
            async with transactions.begin() as work:
                document = (await work.documents.lock([("4711", "R1")]))["4711", "R1"]
                document.file(arrival("a", minute), STAY)
                await work.documents.save([document])
        [version] = (await stored(transactions)).versions.values()
        assert version.first == (NOW + timedelta(minutes=1), "id-1")
        assert version.last_said_at == NOW + timedelta(minutes=3)

    async def test_many_documents_are_locked_and_saved_together(self, transactions: Transactions) -> None:
        """Names that are known and names that are not, of several customers, come back in one answer."""
        async with transactions.begin() as work:
            await work.documents.save((await work.documents.lock([("4711", "R1")])).values())
        names = [("4712", "R1"), ("4711", "R2"), ("4711", "R1"), ("4711", "R1")]
        async with transactions.begin() as work:
            documents = await work.documents.lock(names)
            for (customer, number), document in documents.items():
                document.file(arrival("a", 1, number, customer), STAY)
            await work.documents.save(documents.values())
        assert set(documents) == set(names)
        assert len((await stored(transactions, ("4712", "R1"))).versions) == 1

    async def test_nothing_is_asked_for_nothing(self, transactions: Transactions) -> None:
        """No names, no documents and no records are no work."""
        async with transactions.begin() as work:
            assert await work.documents.lock([]) == {}
            await work.documents.save([])
            assert await work.quarantine.add([]) == set()

    async def test_what_fails_is_undone(self, transactions: Transactions) -> None:
        """A transaction that raises leaves no document and no record in quarantine behind."""
        with pytest.raises(RuntimeError, match="on purpose"):
            await file_and_fail(transactions)
        assert (await stored(transactions)).versions == {}
        async with transactions.begin() as work:
            assert await work.quarantine.add([quarantined(1)]) == {UUID(int=1)}

    async def test_effects_are_known_from_their_commit_on(self, transactions: Transactions) -> None:
        """Not while their transaction is open, nor where it failed; then by id and the SHA-256 of the value."""
        kept, undone, never = (event(issued(), event_id=name) for name in ("kept", "undone", "never"))
        async with transactions.begin() as work:
            await work.inbox.take([kept])
            assert await transactions.known([kept]) == {}
        with pytest.raises(RuntimeError, match="on purpose"):
            await take_and_fail(transactions, undone)
        assert await transactions.known([kept, undone, never]) == {(kept.source, "kept"): kept.value_sha256}
        assert await transactions.known([]) == {}

    async def test_a_record_is_quarantined_once(self, transactions: Transactions) -> None:
        """Adding a record again tells that it is not new."""
        async with transactions.begin() as work:
            assert await work.quarantine.add([quarantined(1)]) == {UUID(int=1)}
        async with transactions.begin() as work:
            assert await work.quarantine.add([quarantined(1), quarantined(2)]) == {UUID(int=2)}


def quarantined(number: int) -> QuarantinedRecord:
    """A record of the oddest bytes."""
    record = Record("billing.documents.v1", 3, number, b"\x00\xff", b"\x00\xfe", (("ce_\x00id", b"\xff"), ("b", b"")))
    return QuarantinedRecord(UUID(int=number), record, None, None, Reason.MALFORMED_EVENT, "odd\x00", NOW)


class Buckets(Protocol):
    store: ContentStore
    intake: IntakeStore
    give: Callable[[str, bytes], None]
    kept: Callable[[str], bytes]


class ContentContract:
    async def test_bytes_are_kept_as_they_are(self, buckets: Buckets) -> None:
        """What is put under a key is what lies there."""
        await buckets.store.put("4711/aa/1", b"\x00bytes\xff", "application/pdf")
        assert buckets.kept("4711/aa/1") == b"\x00bytes\xff"

    async def test_an_object_is_read_whatever_its_name(self, buckets: Buckets) -> None:
        """Umlauts, blanks and percent signs in a key lead to the very object."""
        buckets.give("billing/sap-1/Grüße %41 ł€.pdf", b"content")
        assert await buckets.intake.read("billing/sap-1/Grüße %41 ł€.pdf", 7) == b"content"

    async def test_a_missing_object_is_missing_content(self, buckets: Buckets) -> None:
        """No such key is content_missing."""
        with pytest.raises(DocumentRefused) as refused:
            await buckets.intake.read("billing/sap-1/nothing", 7)
        assert refused.value.reason is Reason.CONTENT_MISSING

    async def test_a_larger_object_is_refused(self, buckets: Buckets) -> None:
        """One byte more than allowed is too_large."""
        buckets.give("billing/sap-1/large", b"12345678")
        with pytest.raises(DocumentRefused) as refused:
            await buckets.intake.read("billing/sap-1/large", 7)
        assert refused.value.reason is Reason.TOO_LARGE


def owner_password_pdf() -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf())) as document:
        document.save(buffer, encryption=pikepdf.Encryption(owner="Chef", user=""))
    return buffer.getvalue()


class InspectorContract:
    @pytest.mark.parametrize(
        ("media_type", "content"),
        [("application/pdf", pdf()), ("application/xml", b"<?xml version='1.0'?><a/>")],
    )
    async def test_good_content_is_taken(self, inspector: Inspector, media_type: str, content: bytes) -> None:
        """A PDF and well-formed XML pass."""
        await inspector.inspect(media_type, content)

    async def test_a_pdf_behind_a_password_is_encrypted(self, inspector: Inspector) -> None:
        """A PDF that asks for a password is encrypted_pdf."""
        with pytest.raises(DocumentRefused) as refused:
            await inspector.inspect("application/pdf", papers.encrypted_pdf("geheim"))
        assert refused.value.reason is Reason.ENCRYPTED_PDF

    @pytest.mark.parametrize(
        ("media_type", "content"),
        [
            ("application/pdf", b"<html><body>Rechnung</body></html>"),
            ("application/pdf", b""),
            ("application/pdf", b"<a/>"),
            ("application/xml", b""),
            ("application/xml", pdf()),
            ("application/xml", b"<!DOCTYPE a><a/>"),
        ],
    )
    async def test_content_of_another_kind_is_unreadable(
        self, inspector: Inspector, media_type: str, content: bytes
    ) -> None:
        """Bytes that are not what their media type says are unreadable_content."""
        with pytest.raises(DocumentRefused) as refused:
            await inspector.inspect(media_type, content)
        assert refused.value.reason is Reason.UNREADABLE_CONTENT
