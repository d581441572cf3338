"""Every service is asked to stop, as a deployment does it: a download that began ends whole, and then it goes on."""

import asyncio
import os
import signal
import time

import httpx2
import pytest

from kundenportal_contracts.publish import BillingPublisher, S3Target
from tests.fixtures.bus import SOURCE, bus
from tests.fixtures.customers import registered
from tests.fixtures.papers import pdf
from tests.fixtures.portal import Portal, eventually
from tests.fixtures.visitor import Visitor

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]
# More than the sockets between them hold for a reader who pauses: the gateway has to wait for him.
CONTENT = pdf("Rechnung NEUSTART", padding=20_000_000)
PAUSE_SECONDS = 1.0
INVOICE = {
    "customer_number": "6002",
    "document_number": "NEUSTART",
    "document_type": "invoice",
    "issued_on": "2018-03-02",
    "media_type": "application/pdf",
    "gross_amount": "119.00",
    "currency": "EUR",
    "due_on": "2018-03-16",
}


def publisher(portal: Portal) -> BillingPublisher:
    stack = portal.stack
    bucket = (stack["s3_endpoint"], stack["s3_intake_bucket"], stack["s3_access_key"], stack["s3_secret_key"])
    return BillingPublisher(stack["kafka_bootstrap"], SOURCE, S3Target(*bucket))


def told_to_stop(portal: Portal, name: str) -> int:
    """SIGTERM; the id of the process that got it."""
    pid: int = portal.stack["processes"][name]
    os.kill(pid, signal.SIGTERM)
    return pid


def downloaded(visitor: Visitor, path: str) -> bool | None:
    """Whether every byte of it came; None where the portal is not all there yet.

    Identity is asked as well: the gateway remembers for two seconds who somebody is, and lets them in without it.
    """
    try:
        session, answer = visitor.get("/api/v1/session"), visitor.get(path)
    except httpx2.TransportError:
        return None
    return answer.content == CONTENT if session.status_code == answer.status_code == 200 else None


def read_while_restarting(portal: Portal, visitor: Visitor, path: str, name: str) -> bytes:
    """Begin to read, have this service stopped, pause, read the rest; return once another process stands in its place."""
    with visitor.stream("GET", path) as answer:
        pieces = answer.iter_bytes()
        first = next(pieces)
        stopped = told_to_stop(portal, name)
        time.sleep(PAUSE_SECONDS)
        content = first + b"".join(pieces)
    eventually(lambda: portal.stack["processes"].get(name) not in {None, stopped} or None, f"another {name}")
    return content


async def test_restarts_cut_no_download_short(portal: Portal) -> None:
    """SIGTERM to each service in the middle of a download: its reader gets every byte, and so does who comes afterwards."""
    async with bus(portal.stack["kafka_bootstrap"]) as billing, publisher(portal) as handing_over:
        visitor = await registered(portal, billing, "6002", "nora@hof-sechs.example")
        await handing_over.issue(INVOICE, CONTENT)
    document = eventually(lambda: next(iter(visitor.documents()), None), "the document in the list")
    path = f"/api/v1/documents/{document['id']}/content"
    for name in ("identity", "documents", "notifier", "gateway"):
        content = await asyncio.to_thread(read_while_restarting, portal, visitor, path, name)
        assert content == CONTENT, f"{len(content)} bytes with {name} restarted"
        whole = await asyncio.to_thread(eventually, lambda: downloaded(visitor, path), f"a download after {name}")
        assert whole, name
