import pytest

from tests.gateway.fakes.portal import ORIGIN, FakePortal

CHANGES = [
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/api/v1/password"),
    ("POST", "/api/v1/privacy-notice/acceptance"),
    ("PUT", "/api/v1/notification-settings"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("POST", "/passwort"),
    ("POST", "/datenschutz"),
    ("POST", "/profil"),
]
FOREIGN = [
    {},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"origin": "null"},
    {"origin": "https://evil.test"},
    {"origin": f"{ORIGIN}.evil.test"},
    {"origin": f"{ORIGIN}:444"},
    {"origin": ORIGIN.replace("https", "http")},
    {"origin": "https://sub.portal.test"},
    {"origin": "", "content-type": "text/plain"},
    {"authorization": "Basic abc"},
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("headers", FOREIGN)
async def test_no_other_site_changes_anything(
    portal: FakePortal, method: str, path: str, headers: dict[str, str]
) -> None:
    """Without our own origin every change is refused before a service hears of it, login included."""
    async with portal.browser(portal.signed_in()) as browser:
        del browser.headers["sec-fetch-site"]
        answer = await browser.request(method, path, headers=headers, content=b"{}")
    assert answer.status_code == 403
    kind = "application/problem+json" if path.startswith("/api") else "text/html; charset=utf-8"
    assert answer.headers["content-type"] == kind
    assert not portal.identity.requests
    assert not portal.notifier.requests


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": ORIGIN}])
async def test_our_own_pages_may_change_things(portal: FakePortal, headers: dict[str, str]) -> None:
    """Either word of the browser is enough."""
    async with portal.program() as program:
        told = {"username": "s8u8i1", "password": "ein langer Satz"}
        assert (await program.post("/api/v1/session", json=told, headers=headers)).status_code == 200


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_a_bearer_never_opens_what_a_cookie_would(portal: FakePortal, method: str, path: str) -> None:
    """A made-up Bearer beside a cookie neither dodges the rule nor lends the cookie's rights."""
    async with portal.browser(portal.signed_in()) as browser:
        del browser.headers["sec-fetch-site"]
        answer = await browser.request(method, path, headers={"authorization": "Bearer x"}, content=b"{}")
    assert answer.status_code == (401 if path.startswith("/api") else 403)
    assert not portal.identity.requests


@pytest.mark.parametrize("path", [path for _, path in CHANGES])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_reading_changes_nothing(portal: FakePortal, method: str, path: str) -> None:
    """GET and HEAD of every address leave sessions, steps and settings as they are."""
    async with portal.browser(portal.signed_in()) as browser:
        await browser.request(method, path)
    told = {request.method for request in portal.identity.requests + portal.notifier.requests}
    assert {request.url.path for request in portal.identity.requests if request.method == "POST"} <= {
        "/internal/principal"
    }
    assert told <= {"GET", "POST"}
    assert portal.identity.sessions
