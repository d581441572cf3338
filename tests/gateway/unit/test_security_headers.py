import pytest

from tests.gateway.fakes.portal import FakePortal

PATHS = [
    "/", "/login", "/passwort", "/datenschutz", "/datenschutzhinweise", "/dokumente", "/profil", "/kontakt",
    "/impressum", "/barrierefreiheit", "/passwort-vergessen", "/alive", "/ready", "/gibtsnicht", "/internal/principal",
    "/api/v1/session", "/api/v1/privacy-notice", "/api/v1/notification-settings", "/api/v1/documents",
    "/api/v1/deliveries", "/api/v1/gibtsnicht", "/static/0/nichts.css",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("signed_in", [True, False])
async def test_every_answer_tells_the_browser_what_it_may_not(portal: FakePortal, path: str, signed_in: bool) -> None:
    """Pages, calls, refusals and unknown addresses carry the same headers, and nothing is kept."""
    async with portal.browser(portal.signed_in() if signed_in else None) as browser:
        headers = (await browser.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["strict-transport-security"].startswith("max-age=63072000")
    assert "permissions-policy" in headers
    assert headers.get_list("cache-control") == ["no-store"]


async def test_a_download_carries_them_too(portal: FakePortal) -> None:
    """The bytes of a document are neither sniffed nor kept by a cache."""
    async with portal.browser(portal.signed_in()) as browser:
        headers = (await browser.get(f"/api/v1/documents/{portal.document_id}/content")).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]


async def test_plain_http_on_this_machine_promises_no_https() -> None:
    """HSTS on a loopback address would lock developers out of every other port."""
    portal = FakePortal({"KUNDENPORTAL_PUBLIC_URL": "http://127.0.0.1:8000"})
    async with portal.browser() as browser:
        assert "strict-transport-security" not in (await browser.get("/login")).headers


@pytest.mark.parametrize("path", ["/login", "/dokumente", "/profil", "/gibtsnicht"])
async def test_pages_hold_nothing_that_the_policy_forbids(portal: FakePortal, path: str) -> None:
    """No inline script, style or handler is in any page."""
    async with portal.browser(portal.signed_in()) as browser:
        text = (await browser.get(path)).text
    assert "<script" not in text
    assert "style=" not in text
    assert "<style" not in text
    assert " on" + "click=" not in text
