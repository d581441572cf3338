import pytest

from tests.gateway.fakes.identity import Account
from tests.gateway.fakes.portal import FakePortal

STEPS = ["change_password", "accept_privacy_notice"]
NEW = "ein anderer langer Satz"


@pytest.fixture
def newcomer(portal: FakePortal) -> Account:
    return portal.identity.add(Account("neu", "initial-passwort", STEPS))


@pytest.mark.parametrize(
    "path", ["documents", "documents/x", "documents/x/content", "deliveries", "notification-settings"]
)
async def test_open_steps_close_everything_else(portal: FakePortal, newcomer: Account, path: str) -> None:
    """A program is told which steps are open, in their order; no service behind is asked."""
    async with portal.browser(portal.signed_in(newcomer)) as browser:
        answer = await browser.get(f"/api/v1/{path}")
    assert answer.status_code == 403
    assert (answer.json()["type"], answer.json()["pending"]) == ("/problems/pending-steps", STEPS)
    assert not portal.documents.requests
    assert not portal.notifier.requests


@pytest.mark.parametrize("path", ["/", "/dokumente", "/profil"])
async def test_pages_lead_to_the_first_open_step(portal: FakePortal, newcomer: Account, path: str) -> None:
    """A person is brought to the step, and the way back is remembered."""
    async with portal.browser(portal.signed_in(newcomer)) as browser:
        answer = await browser.get(path)
    way_back = "" if path == "/" else f"?weiter=%2F{path[1:]}"
    assert (answer.status_code, answer.headers["location"]) == (303, f"/passwort{way_back}")


async def test_the_whole_way_of_a_first_login(portal: FakePortal, newcomer: Account) -> None:
    """Login, own password, privacy notice, and then the page that was wanted at first."""
    async with portal.browser() as browser:
        told = {"username": "neu", "password": "initial-passwort", "weiter": "/dokumente?new=true"}
        answer = await browser.post("/login", data=told)
        assert answer.headers["location"] == "/passwort?weiter=%2Fdokumente%3Fnew%3Dtrue"
        told = {"new_password": NEW, "confirmation": NEW, "weiter": "/dokumente?new=true"}
        answer = await browser.post("/passwort", data=told)
        assert answer.headers["location"] == "/datenschutz?weiter=%2Fdokumente%3Fnew%3Dtrue"
        page = (await browser.get(answer.headers["location"])).text
        assert "Bitte lesen und akzeptieren Sie unsere Datenschutzhinweise." in page
        answer = await browser.post("/datenschutz", data={"version": "1", "weiter": "/dokumente?new=true"})
        assert answer.headers["location"] == "/dokumente?new=true"
        assert (await browser.get("/dokumente")).status_code == 200


async def test_the_password_page_waits_for_no_other_step(portal: FakePortal, newcomer: Account) -> None:
    """Whoever still has to accept the notice is led there from the password page."""
    newcomer.pending = ["accept_privacy_notice"]
    async with portal.browser(portal.signed_in(newcomer)) as browser:
        assert (await browser.get("/passwort")).headers["location"] == "/datenschutz?weiter=%2Fpasswort"


async def test_an_old_version_of_the_notice_is_not_accepted(portal: FakePortal, newcomer: Account) -> None:
    """Where a new version came meanwhile, the page shows it and says so."""
    newcomer.pending = ["accept_privacy_notice"]
    portal.identity.notice["version"] = "2"
    async with portal.browser(portal.signed_in(newcomer)) as browser:
        answer = await browser.post("/datenschutz", data={"version": "1"})
    assert answer.status_code == 409
    assert "Inzwischen gilt eine neue Fassung" in answer.text
    assert 'name="version" value="2"' in answer.text


@pytest.mark.parametrize("weiter", ["//evil.test", "https://evil.test", "/\\evil.test"])
async def test_no_step_leads_to_another_site(portal: FakePortal, newcomer: Account, weiter: str) -> None:
    """A hostile way back is dropped on every page that takes one."""
    newcomer.pending = ["accept_privacy_notice"]
    async with portal.browser(portal.signed_in(newcomer)) as browser:
        assert "evil" not in (await browser.get("/datenschutz", params={"weiter": weiter})).text
        answer = await browser.post("/datenschutz", data={"version": "1", "weiter": weiter})
    assert answer.headers["location"] == "/"
