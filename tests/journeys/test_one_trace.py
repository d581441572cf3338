"""One id from billing to the mailbox: a search of all logs for it tells the whole way of a document."""

import asyncio
import json
from typing import Any

import pytest

from kundenportal_contracts.topics import BILLING_DOCUMENTS, DELIVERIES, DOCUMENTS, dead_letters
from tests.chassis.stand import read_all
from tests.fixtures.bus import bus, headers, invoice, registration
from tests.fixtures.papers import pdf
from tests.fixtures.portal import Portal, eventually

pytestmark = pytest.mark.journey

TRACE = "5ca1ab1e0ddba11c0ffee0facade0042"
MAILBOX = "spur@hof-mustermann.example"
WAY = [
    ("documents", "document_published"),
    ("documents", "event_published"),
    ("notifier", "mail_queued"),
    ("notifier", "mail_sent"),
    ("notifier", "event_published"),
]


def search(portal: Portal, trace_id: str) -> list[dict[str, Any]]:
    """What `grep -h TRACE .local/logs/*.log` finds, in the order of time."""
    lines = (line for log in sorted((portal.folder / "logs").glob("*.log")) for line in log.read_text().splitlines())
    found = [json.loads(line) for line in lines if trace_id in line]
    return sorted(found, key=lambda line: str(line["time"]))


def whole_way(portal: Portal, trace_id: str) -> list[tuple[str, str]]:
    """What happened, once as much as the whole way was seen; a line more than that is a fault, too."""
    return eventually(
        lambda: found if len(found := words(search(portal, trace_id))) >= len(WAY) else None, f"the way of {trace_id}"
    )


def words(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(line["service"], line["event"]) for line in lines]


async def hand_over(portal: Portal, number: str, trace: str) -> None:
    async with bus(portal.stack["kafka_bootstrap"]) as said:
        person = registration("4742", MAILBOX)
        await said.register(person)
        content = json.dumps(invoice("4742", number, pdf(f"Rechnung {number}"))).encode()
        said_headers = [*headers("billing.DocumentIssued.v1"), *([("traceparent", trace.encode())] if trace else [])]
        await said.raw("billing.documents.v1", b"4742", content, said_headers)


def test_one_search_shows_the_whole_way(portal: Portal) -> None:
    """Filed, published, queued, sent, told: each in the logs under billing's trace id, in this order."""
    asyncio.run(hand_over(portal, "TRACE-1", f"00-{TRACE}-00f067aa0ba902b7-01"))
    portal.mail(MAILBOX, "TRACE-1")
    assert whole_way(portal, TRACE) == WAY
    way = search(portal, TRACE)
    assert {line["trace_id"] for line in way} == {TRACE}
    assert len({line["document_id"] for line in way if line.get("document_id")}) == 1


def test_every_record_on_the_bus_carries_the_trace(portal: Portal) -> None:
    """DocumentIssued, DocumentPublished and MailSent name the same trace, and nothing else does."""
    bootstrap = portal.stack["kafka_bootstrap"]
    carried = [
        dict(record.headers)["ce_type"].decode()
        for topic in (BILLING_DOCUMENTS, DOCUMENTS, DELIVERIES, dead_letters("documents"), dead_letters("notifier"))
        for record in asyncio.run(read_all(bootstrap, topic, expect=0))
        if TRACE in dict(record.headers).get("traceparent", b"").decode()
    ]
    assert carried == ["billing.DocumentIssued.v1", "documents.DocumentPublished.v1", "notifier.MailSent.v1"]


def test_a_record_without_a_trace_gets_one_at_the_intake(portal: Portal) -> None:
    """Two documents of one batch have two traces, and each is found from its own line on."""
    asyncio.run(hand_over(portal, "TRACE-2", ""))
    asyncio.run(hand_over(portal, "TRACE-3", ""))
    for number in ("TRACE-2", "TRACE-3"):
        portal.mail(MAILBOX, number)
    logs = (portal.folder / "logs" / "documents.log").read_text().splitlines()
    published = [json.loads(line) for line in logs if '"document_published"' in line and '"4742"' in line]
    traces = [line["trace_id"] for line in published if line["trace_id"] != TRACE]
    assert len(set(traces)) == len(traces) == 2
    for trace in traces:
        assert whole_way(portal, trace) == WAY
