"""Two customers side by side, and documents that come before their customer."""

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.bus import Bus, bus, invoice, registration
from tests.fixtures.customers import registered, signed_in
from tests.fixtures.papers import pdf
from tests.fixtures.portal import Portal, eventually, text_of

pytestmark = pytest.mark.journey
NAMES = {"company": "Köhler & Łoś GmbH", "first_name": "Zoë", "last_name": "Łukaszewicz-Müßig", "salutation": "mrs"}


@pytest.fixture
async def billing(portal: Portal) -> AsyncIterator[Bus]:
    async with bus(portal.stack["kafka_bootstrap"]) as speaker:
        yield speaker


async def test_a_document_before_its_customer_waits_for_the_first_user(portal: Portal, billing: Bus) -> None:
    """Billing may hand over the invoice first; the mail goes out when the customer is there."""
    content = pdf("Rechnung zu früh")
    await billing.issue(invoice("5001", "R-ZU-FRÜH", content))
    await billing.issue(invoice("4799", "R-anderer-Kunde", pdf("anderer")))
    await billing.register(registration("5001", "zoe@koehler.example", **NAMES))
    mail = portal.mail("zoe@koehler.example", "R-ZU-FRÜH")
    assert "Łukaszewicz-Müßig" in text_of(mail)
    visitor = signed_in(portal, "zoe@koehler.example")
    [item] = visitor.documents(q="R-ZU-FRÜH")
    assert visitor.content(item["id"]) == content


async def test_one_customer_never_sees_anothers_document(portal: Portal, billing: Bus) -> None:
    """A foreign id answers like an unknown one, for the facts, the bytes and the deliveries."""
    anna = await registered(portal, billing, "5002", "anna@hof-eins.example")
    bert = await registered(portal, billing, "5003", "bert@hof-zwei.example")
    await billing.issue(invoice("5002", "R-ANNA", pdf("Rechnung an Anna")))
    item = eventually(lambda: next(iter(anna.documents(q="R-ANNA")), None), "Anna's document")
    portal.mail("anna@hof-eins.example", "R-ANNA")
    unknown = bert.get("/api/v1/documents/6f3c2b8e-7a52-4d1c-9c55-3f0a4f9d2b11")
    for path in (f"/api/v1/documents/{item['id']}", f"/api/v1/documents/{item['id']}/content"):
        foreign = bert.get(path)
        assert foreign.status_code == 404
        assert foreign.json()["type"] == unknown.json()["type"]
    assert bert.documents() == []
    assert bert.deliveries(document_id=item["id"]) == []
    assert anna.deliveries(document_id=item["id"]) != []


async def test_a_corrected_document_is_one_document_with_two_versions(portal: Portal, billing: Bus) -> None:
    """Other bytes under the same number replace what is listed; the first version stays."""
    carla = await registered(portal, billing, "5004", "carla@hof-drei.example")
    first, second = pdf("Rechnung, Fassung 1"), pdf("Rechnung, Fassung 2")
    await billing.issue(invoice("5004", "R-KORR", first))
    eventually(lambda: next(iter(carla.documents(q="R-KORR")), None), "the first version")
    await billing.issue(invoice("5004", "R-KORR", second))
    item = eventually(
        lambda: next((item for item in carla.documents(q="R-KORR") if item["corrected"]), None), "the correction"
    )
    assert carla.content(item["id"]) == second
    older = carla.get(f"/api/v1/documents/{item['id']}/content", params={"version": 1})
    assert older.content == first


async def test_a_withdrawn_document_is_gone_from_the_list(portal: Portal, billing: Bus) -> None:
    """After a withdrawal the customer no longer sees the document."""
    dora = await registered(portal, billing, "5005", "dora@hof-vier.example")
    await billing.issue(invoice("5005", "R-WEG", pdf("Rechnung, die zurückgezogen wird")))
    item = eventually(lambda: next(iter(dora.documents(q="R-WEG")), None), "the document")
    withdrawal = {"customer_number": "5005", "document_number": "R-WEG", "reason": "Falscher Empfänger"}
    await billing.say("billing.documents.v1", "billing.DocumentWithdrawn.v1", withdrawal)
    eventually(lambda: None if dora.documents(q="R-WEG") else True, "the document's end")
    assert dora.get(f"/api/v1/documents/{item['id']}").status_code == 404
