"""The running service: records in from Kafka, events out, documents over HTTP."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.documents.making import ISSUED, WITHDRAWN, pdf
from tests.documents.service import Documents, documents
from tests.fixtures import papers
from tests.fixtures.billing import Billing
from tests.fixtures.broker import Broker
from tests.fixtures.bus import bus, headers, invoice
from tests.fixtures.object_store import ObjectStore
from tests.fixtures.postgres import PostgresServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TOPIC = "billing.documents.v1"


@pytest.fixture
async def service(
    postgres: PostgresServer, broker: Broker, object_store: ObjectStore, tmp_path: Path
) -> AsyncIterator[Documents]:
    async with bus(broker.bootstrap) as wire, documents(postgres, broker, object_store, wire, tmp_path) as service:
        await service.start()
        yield service


def ago(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


async def test_both_ways_of_content_come_out_as_they_went_in(service: Documents, billing: Billing) -> None:
    """A small PDF inside its event and a large one in the intake bucket are listed and equal byte for byte."""
    papers_of = {"R1": billing.pdf("klein ü"), "R2": billing.pdf("groß ł", 3_000_000)}
    async with billing.publisher(intake_bucket=service.intake_bucket) as publisher:
        for number, content in papers_of.items():
            fields = {"customer_number": "4711", "document_number": number, "document_type": "invoice"}
            await publisher.issue({**fields, "issued_on": "2026-11-20"}, content)
    await service.heard("DocumentPublished", 2)
    items = (await service.get("/api/v1/documents")).json()["items"]
    assert {item["document_number"] for item in items} == {"R1", "R2"}
    for item in items:
        link = (await service.get(f"/internal/documents/{item['id']}/content")).json()
        async with httpx2.AsyncClient() as client:
            answer = await client.get(link["url"])
        assert answer.content == papers_of[item["document_number"]]
        assert answer.headers["content-type"] == "application/pdf"
    assert (await service.get(f"/api/v1/documents/{items[0]['id']}", customer="4712")).status_code == 404


REJECTED: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("foreign_source", {}, {"ce_source": "crm/1"}),
    ("foreign_source", {"content": {"object": {"key": "billing/sap-2/x.pdf"}}}, {}),
    ("foreign_source", {"content": {"object": {"key": "billing/sap-1/../x.pdf"}}}, {}),
    ("unsupported_media_type", {"media_type": "text/html"}, {}),
    ("invalid_field", {"issued_on": "02.03.2018"}, {}),
    ("invalid_field", {}, {"ce_time": (datetime.now(UTC) + timedelta(days=2)).isoformat()}),
    ("too_large", {"size": 26_000_000}, {}),
    ("content_missing", {"content": {"object": {"key": "billing/sap-1/nothing.pdf"}}}, {}),
    ("hash_mismatch", {"sha256": "0" * 64}, {}),
    ("malformed_event", {}, {"ce_type": "billing.DocumentBurnt.v1"}),
    ("malformed_event", {}, {"ce_time": "yesterday"}),
    ("malformed_event", {}, {"ce_id": ""}),
]
BAD_PAPERS = [
    ("unreadable_content", b"<html><body>Rechnung</body></html>"),
    ("encrypted_pdf", papers.encrypted_pdf("geheim")),
]


async def test_each_fault_is_told_and_the_next_document_flows_on(service: Documents) -> None:
    """Every bad record goes to quarantine with its reason, none becomes a dead letter, and the good one comes through."""
    for reason, fields, changed in REJECTED:
        value = json.dumps(invoice("4711", reason, pdf(), **fields)).encode()
        await service.bus.raw(TOPIC, b"4711", value, headers(**{"ce_type": ISSUED, **changed}))
    for reason, paper in BAD_PAPERS:
        await service.bus.issue(invoice("4711", reason, paper))
    await service.bus.raw(TOPIC, b"4711", b"\x00not JSON", headers(ISSUED))
    await service.bus.raw(TOPIC, None, b"", [])
    await service.bus.issue(invoice("4711", "NEXT", pdf()))
    [published] = await service.heard("DocumentPublished", 1)
    rejected = await service.heard("DocumentRejected", len(REJECTED) + len(BAD_PAPERS) + 2)
    assert published["document_number"] == "NEXT"
    told = [(one["document_number"], one["reason"]) for one in rejected if one["document_number"]]
    assert all(number == reason for number, reason in told)
    assert len(told) == len(REJECTED) + len(BAD_PAPERS)
    kept = await service.rows("SELECT record_value FROM quarantine ORDER BY record_offset")
    assert b"\x00not JSON" in [value for (value,) in kept]
    assert len(kept) == len(rejected)
    assert await service.dead_letters() == 0


async def test_versions_and_withdrawals_out_of_order(service: Documents) -> None:
    """The latest word wins, in whatever order the words arrive; a withdrawal that comes first counts."""
    await service.bus.issue(invoice("4711", "R1", pdf("neu")), ce_time=ago(1))
    await service.bus.issue(invoice("4711", "R1", pdf("alt")), ce_time=ago(5))
    withdrawn = {"customer_number": "4711", "document_number": "R2", "reason": "Irrtum"}
    await service.bus.say(TOPIC, WITHDRAWN, withdrawn, ce_time=ago(2))
    await service.bus.issue(invoice("4711", "R2", pdf("verdeckt")), ce_time=ago(3))
    await service.bus.issue(invoice("4711", "R3", pdf()))
    published = await service.heard("DocumentPublished", 3)
    assert [(one["document_number"], one["version"], one["current"]) for one in published] == [
        ("R1", 1, True),
        ("R1", 2, False),
        ("R3", 1, True),
    ]
    items = (await service.get("/api/v1/documents", sort="document_number")).json()["items"]
    assert [(item["document_number"], item["version"], item["corrected"]) for item in items] == [
        ("R1", 1, True),
        ("R3", 1, False),
    ]
    await service.bus.issue(invoice("4711", "R2", pdf("verdeckt")), ce_time=ago(1))
    assert (await service.heard("DocumentPublished", 4))[-1]["document_number"] == "R2"


async def test_a_stop_is_clean_and_leaves_no_worker(service: Documents) -> None:
    """SIGTERM ends the service with 0, and its inspection workers with it."""
    await service.bus.issue(invoice("4711", "R1", pdf()))
    await service.heard("DocumentPublished", 1)
    workers = service.workers()
    assert workers
    assert await service.stop() == 0
    assert not [worker for worker in workers if worker.is_running()]
