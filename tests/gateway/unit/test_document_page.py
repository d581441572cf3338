import pytest

from tests.gateway.fakes.documents import item
from tests.gateway.fakes.notifier import delivery
from tests.gateway.fakes.portal import FakePortal

VERSIONS = [
    {"version": 2, "current": True, "published_at": "2018-03-05T07:15:00Z", "size": 81_234, "due_on": "2018-03-16"},
    {"version": 1, "current": False, "published_at": "2018-03-02T07:15:00Z", "size": 79_001, "due_on": "2018-03-15"},
]


async def test_versions_and_deliveries_are_shown(portal: FakePortal) -> None:
    """The old version stays in reach, and what became of each mail is said in words."""
    portal.documents.items = [item(0, corrected=True, version=2)]
    portal.documents.versions = VERSIONS
    portal.notifier.deliveries = [delivery("a@b.de", "sent"), delivery("c@d.de", "bounced", reason="550 unbekannt")]
    async with portal.browser(portal.signed_in()) as browser:
        text = (await browser.get(f"/dokumente/{portal.document_id}")).text
    for shown in (
        "korrigiert",
        "gültig",
        "herunterladen?version=1",
        "a@b.de",
        "gesendet",
        "unzustellbar",
        "550 unbekannt",
    ):
        assert shown in text
    assert "16.03.2018" in text
    assert dict(portal.notifier.requests[-1].query_params)["document_id"] == portal.document_id


async def test_a_call_has_the_deliveries_beside_the_document(portal: FakePortal) -> None:
    """The gateway puts the two services' answers together."""
    portal.notifier.deliveries = [delivery("a@b.de", "unknown")]
    async with portal.browser(portal.signed_in()) as browser:
        told = (await browser.get(f"/api/v1/documents/{portal.document_id}")).json()
    assert (told["document_number"], told["deliveries"][0]["state"]) == ("R0099901888", "unknown")


@pytest.mark.parametrize(
    "path", ["/dokumente/00000000-0000-4000-8000-00000000dead", "/dokumente/..%2f", "/dokumente/a%2Fb/herunterladen"]
)
async def test_a_document_that_is_not_there_is_a_page_that_says_so(portal: FakePortal, path: str) -> None:
    """Foreign, expired and made-up documents look alike."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(path)
    assert answer.status_code == 404
    assert "Nicht gefunden" in answer.text


async def test_a_download_link_asks_for_the_login(portal: FakePortal) -> None:
    """Who clicks it after the session ended comes back to the same download."""
    async with portal.browser() as browser:
        answer = await browser.get(f"/dokumente/{portal.document_id}/herunterladen?version=1")
    assert answer.headers["location"].startswith("/login?weiter=%2Fdokumente%2F")
    assert answer.headers["location"].endswith("herunterladen%3Fversion%3D1")


async def test_a_download_that_fails_is_a_page(portal: FakePortal) -> None:
    """A person at a browser reads German, not a problem document."""
    portal.files.status = 503
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(f"/dokumente/{portal.document_id}/herunterladen")
    assert answer.status_code == 503
    assert "Gleich wieder für Sie da" in answer.text
