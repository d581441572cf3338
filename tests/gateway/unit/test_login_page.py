import pytest

from tests.gateway.fakes.identity import problem
from tests.gateway.fakes.portal import FakePortal

REFUSED = "Benutzername oder Passwort ist nicht richtig."


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"username": "", "password": "x"}, "Bitte geben Sie Ihren Benutzernamen ein."),
        ({"username": "  ", "password": "x"}, "Bitte geben Sie Ihren Benutzernamen ein."),
        ({"username": "max", "password": ""}, "Bitte geben Sie Ihr Passwort ein."),
        ({"x": "y"}, "Bitte geben Sie Ihr Passwort ein."),
    ],
)
async def test_an_empty_field_is_told_beside_it(portal: FakePortal, told: dict[str, str], message: str) -> None:
    """Nobody is asked before both fields have something in them."""
    async with portal.browser() as browser:
        answer = await browser.post("/login", data=told)
    assert answer.status_code == 422
    assert answer.text.count(message) == 2
    assert 'aria-invalid="true"' in answer.text
    assert not portal.identity.requests


@pytest.mark.parametrize("username", ["s8u8i1", "niemand", "<b>x</b>", "a" * 500])
async def test_a_refusal_is_the_same_for_every_name(portal: FakePortal, username: str) -> None:
    """Known and unknown names get one answer; the name is kept, the password is not."""
    async with portal.browser() as browser:
        answer = await browser.post("/login", data={"username": username, "password": "geheim-falsch"})
    assert answer.status_code == 401
    assert REFUSED in answer.text
    assert "geheim-falsch" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ("1", "in einer Sekunde noch einmal"),
        ("30", "in 30 Sekunden noch einmal"),
        ("600", "in etwa 10 Minuten noch einmal"),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "in 60 Sekunden noch einmal"),
    ],
)
async def test_too_many_attempts_say_how_long_to_wait(portal: FakePortal, seconds: str, words: str) -> None:
    """The time that identity asks for is said in words and in the header."""
    portal.identity.answer_with = problem(429, "/problems/too-many-attempts", {"retry-after": seconds})
    async with portal.browser() as browser:
        answer = await browser.post("/login", data={"username": "max", "password": "x"})
    assert answer.status_code == 429
    assert words in answer.text
    assert answer.headers["retry-after"].isdigit()


async def test_a_login_leads_to_the_page_that_was_wanted(portal: FakePortal) -> None:
    """The cookie comes with the redirect, and the way back is used."""
    told = {"username": " s8u8i1 ", "password": "ein langer Satz", "weiter": "/dokumente?q=R00"}
    async with portal.browser() as browser:
        answer = await browser.post("/login", data=told)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dokumente?q=R00")
    assert answer.headers["set-cookie"].startswith("__Host-session=")


@pytest.mark.parametrize("weiter", ["//evil.test", "/\\evil.test", "https://evil.test", "/%2f%2fevil.test"])
async def test_a_login_leads_to_no_other_site(portal: FakePortal, weiter: str) -> None:
    """Neither the form nor the redirect repeats a hostile way back."""
    told = {"username": "s8u8i1", "password": "ein langer Satz", "weiter": weiter}
    async with portal.browser() as browser:
        assert "evil" not in (await browser.get("/login", params={"weiter": weiter})).text
        assert (await browser.post("/login", data=told)).headers["location"] == "/"


async def test_who_is_signed_in_needs_no_login(portal: FakePortal) -> None:
    """The login page sends a signed-in visitor on."""
    async with portal.browser(portal.signed_in()) as browser:
        assert (await browser.get("/login?weiter=/profil")).headers["location"] == "/profil"


async def test_an_ended_session_is_told_and_its_cookie_taken(portal: FakePortal) -> None:
    """The visitor learns why, and comes back to where the link led."""
    async with portal.browser("token-that-ended") as browser:
        answer = await browser.get("/dokumente?group=month")
        assert answer.headers["location"] == "/login?grund=abgelaufen&weiter=%2Fdokumente%3Fgroup%3Dmonth"
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert "Ihre Sitzung ist abgelaufen." in (await browser.get(answer.headers["location"])).text


async def test_a_logout_is_a_post_that_ends_at_the_login(portal: FakePortal) -> None:
    """The session is over at identity, and the page says so; GET does nothing."""
    async with portal.browser(portal.signed_in()) as browser:
        assert (await browser.get("/logout")).status_code == 405
        answer = await browser.post("/logout")
        assert answer.headers["location"] == "/login?grund=abgemeldet"
        assert "Sie sind abgemeldet." in (await browser.get(answer.headers["location"])).text
    assert not portal.identity.sessions


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("application/json", b"{}", 415),
        ("text/plain", b"username=a", 415),
        ("application/x-www-form-urlencoded", b"username=%ff%fe", 400),
        ("application/x-www-form-urlencoded", b"a=1&" * 60, 400),
    ],
)
async def test_what_no_form_of_ours_sends_is_refused(portal: FakePortal, kind: str, body: bytes, status: int) -> None:
    """Other encodings, broken text and floods of fields end at the door, with a page."""
    async with portal.browser() as browser:
        answer = await browser.post("/login", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert not portal.identity.requests
