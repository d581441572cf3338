from collections.abc import AsyncIterator

import pytest

from tests.gateway.fakes.identity import problem
from tests.gateway.fakes.portal import FakePortal

DOWN = problem(500, "/problems/none")


async def test_the_gateway_is_ready_without_the_services_behind_it(portal: FakePortal) -> None:
    """Alive and ready are words about this process alone."""
    portal.identity.answer_with = portal.documents.answer_with = portal.notifier.answer_with = DOWN
    async with portal.browser() as browser:
        assert (await browser.get("/alive")).text == "alive"
        assert (await browser.get("/ready")).text == "ready"


@pytest.mark.parametrize("path", ["/dokumente", "/profil", "/"])
async def test_a_page_without_identity_is_a_friendly_503(portal: FakePortal, path: str) -> None:
    """German words, a time to come again, and nothing of the fault inside."""
    token = portal.signed_in()
    portal.identity.answer_with = DOWN
    async with portal.browser(token) as browser:
        answer = await browser.get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "Gleich wieder für Sie da" in answer.text
    assert "identity" not in answer.text


@pytest.mark.parametrize("path", ["session", "documents", "notification-settings"])
async def test_a_call_without_identity_is_a_503_problem(portal: FakePortal, path: str) -> None:
    """Programs read the same as a problem document."""
    token = portal.signed_in()
    portal.identity.answer_with = DOWN
    async with portal.browser(token) as browser:
        answer = await browser.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/service-unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_the_login_page_opens_without_identity(portal: FakePortal) -> None:
    """Only the login itself has to wait, and it keeps the name that was typed."""
    token = portal.signed_in()
    portal.identity.answer_with = DOWN
    async with portal.browser(token) as browser:
        assert (await browser.get("/login")).status_code == 200
        answer = await browser.post("/login", data={"username": "s8u8i1", "password": "x"})
    assert answer.status_code == 503
    assert "Bitte versuchen Sie es in 5 Sekunden noch einmal." in answer.text
    assert 'value="s8u8i1"' in answer.text


async def test_documents_away_leave_the_main_view(portal: FakePortal) -> None:
    """The tiles need no documents; the list does."""
    portal.documents.answer_with = DOWN
    async with portal.browser(portal.signed_in()) as browser:
        home = await browser.get("/")
        assert (await browser.get("/dokumente")).status_code == 503
    assert home.status_code == 200
    assert "E-Mail-Benachrichtigung" in home.text
    assert "Neu für Sie" not in home.text


async def test_the_notifier_away_leaves_document_and_profile(portal: FakePortal) -> None:
    """Both pages say what is missing; the call has null for the deliveries."""
    portal.notifier.answer_with = DOWN
    async with portal.browser(portal.signed_in()) as browser:
        document = await browser.get(f"/dokumente/{portal.document_id}")
        profile = await browser.get("/profil")
        call = await browser.get(f"/api/v1/documents/{portal.document_id}")
    assert "Die Zustellungen lassen sich gerade nicht anzeigen." in document.text
    assert "Ihre Einstellungen lassen sich gerade nicht anzeigen." in profile.text
    assert call.json()["deliveries"] is None


@pytest.mark.parametrize("body", ["[]", "{}", "nonsense", '{"items": [{"id": 1}]}'])
async def test_nonsense_from_a_service_is_an_outage(portal: FakePortal, body: str) -> None:
    """An answer that does not fit is never shown in part."""
    portal.documents.answer_with = problem(200, "x")
    portal.documents.answer_with.body = body.encode()
    portal.documents.answer_with.headers["content-length"] = str(len(body))
    async with portal.browser(portal.signed_in()) as browser:
        assert (await browser.get("/dokumente")).status_code == 503


@pytest.mark.parametrize(
    "path", ["/internal/principal", "/internal/documents/x/content", "/metrics", "/checks", "/docs", "/openapi.json"]
)
async def test_what_is_inside_is_not_routed(portal: FakePortal, path: str) -> None:
    """Internal addresses do not exist out here, signed in or not."""
    async with portal.browser(portal.signed_in()) as browser:
        for method in ("GET", "POST"):
            assert (await browser.request(method, path)).status_code == 404
    assert not portal.identity.principal_questions


@pytest.mark.parametrize("path", ["/login", "/api/v1/session"])
async def test_a_body_without_end_is_refused(portal: FakePortal, path: str) -> None:
    """More than 64 KiB is no login, declared or not."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a" * 1000

    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with portal.browser() as browser:
        assert (await browser.post(path, content=b"a" * 100_000, headers=headers)).status_code == 413
        assert (await browser.post(path, content=endless(), headers=headers)).status_code == 413
    assert not portal.identity.requests


async def test_a_wrong_method_is_told_as_such(portal: FakePortal) -> None:
    """405 has its Allow header on calls and on pages."""
    async with portal.browser() as browser:
        for path in ("/api/v1/documents", "/dokumente"):
            answer = await browser.delete(path)
            assert answer.status_code == 405
            assert "GET" in answer.headers["allow"]
