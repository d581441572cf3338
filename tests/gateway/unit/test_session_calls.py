from http.cookies import SimpleCookie

import httpx2
import pytest

from tests.gateway.fakes.identity import problem
from tests.gateway.fakes.portal import FakePortal

CREDENTIALS = {"username": "s8u8i1", "password": "ein langer Satz"}


async def sign_in(portal: FakePortal) -> httpx2.Response:
    async with portal.browser() as browser:
        return await browser.post("/api/v1/session", json=CREDENTIALS)


async def test_a_login_gives_a_cookie_that_only_this_host_and_no_script_reads(portal: FakePortal) -> None:
    """The cookie has the __Host- prefix and every flag; it ends with the browser."""
    answer = await sign_in(portal)
    assert answer.status_code == 200
    assert answer.json()["pending"] == []
    cookie = answer.headers["set-cookie"]
    parts = {part.strip().lower() for part in cookie.split(";")}
    assert cookie.startswith("__Host-session=token-1-s8u8i1;")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
    assert not any(part.startswith(("domain", "max-age", "expires")) for part in parts)


async def test_the_cookie_on_this_machine_is_without_secure() -> None:
    """On http and a loopback host browsers would refuse the prefix, so it has a plain name there."""
    answer = await sign_in(FakePortal({"KUNDENPORTAL_PUBLIC_URL": "http://127.0.0.1:8000"}))
    morsel = SimpleCookie(answer.headers["set-cookie"])["session"]
    assert (morsel.value, morsel["secure"], morsel["httponly"]) == ("token-1-s8u8i1", "", True)


async def test_the_token_is_told_in_the_cookie_alone(portal: FakePortal) -> None:
    """Neither identity's header nor a cookie of its own passes the gateway."""
    answer = await sign_in(portal)
    assert not [name for name in answer.headers if name.startswith("x-kundenportal-")]
    assert "token-1" not in answer.text
    assert "inner" not in answer.headers["set-cookie"]


async def test_a_refused_login_sets_no_cookie(portal: FakePortal) -> None:
    """A wrong password is a 401 problem and nothing else."""
    async with portal.browser() as browser:
        answer = await browser.post("/api/v1/session", json={**CREDENTIALS, "password": "falsch"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("status", [429, 503])
async def test_a_login_that_has_to_wait_says_how_long(portal: FakePortal, status: int) -> None:
    """Identity's Retry-After reaches the program that asked."""
    portal.identity.answer_with = problem(status, "/problems/busy", {"retry-after": "17"})
    answer = await sign_in(portal)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "17")


async def test_a_logout_ends_the_session_and_takes_the_cookie(portal: FakePortal) -> None:
    """The browser forgets the cookie in the same answer."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.delete("/api/v1/session")
    assert answer.status_code == 204
    assert 'session=""' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert not portal.identity.sessions


@pytest.mark.parametrize("cookie", ["", "x" * 300, "ein wort", "a\x7fb", "ä"])
async def test_a_cookie_that_cannot_be_ours_asks_nobody(portal: FakePortal, cookie: str) -> None:
    """Absurd cookies are 401 before any service is asked."""
    async with portal.browser() as browser:
        answer = await browser.get("/api/v1/session", headers={b"cookie": f"__Host-session={cookie}".encode()})
    assert answer.status_code == 401
    assert not portal.identity.requests


async def test_the_plain_name_is_no_session_on_https(portal: FakePortal) -> None:
    """A cookie without the prefix could have been planted by a neighbouring host."""
    token = portal.signed_in()
    async with portal.browser() as browser:
        answer = await browser.get("/api/v1/session", headers={"cookie": f"session={token}"})
    assert answer.status_code == 401
