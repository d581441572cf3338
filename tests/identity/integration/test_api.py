"""Identity's HTTP on a real database, as the gateway drives it."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from chassis.principal import JWKS_PATH, SESSION_HEADER
from tests.identity.making import claims_of
from tests.identity.service import OWN, Service

pytestmark = pytest.mark.integration

NEW = "Birnen, Bohnen und Speck"
BY_SESSION = [
    ("GET", "/api/v1/session", None),
    ("DELETE", "/api/v1/session", None),
    ("POST", "/api/v1/password", {"new_password": NEW}),
    ("POST", "/api/v1/privacy-notice/acceptance", {"version": "1"}),
    ("POST", "/internal/principal", None),
]


def kind(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"]


async def test_from_the_mail_to_an_open_door(service: Service) -> None:
    """Sign in with the initial password, set one's own, accept the notice; then a principal is issued."""
    username, initial = await service.registered(first_name="Zoë", company="Köhler & Łoś GmbH")
    answer = await service.sign_in(username.upper(), initial)
    assert answer.status_code == 200
    session = {SESSION_HEADER: answer.headers[SESSION_HEADER]}
    body = answer.json()
    assert body["pending"] == ["change_password", "accept_privacy_notice"]
    assert (body["role"], body["customer"]) == (
        "administrator",
        {"customer_number": "4711", "company": "Köhler & Łoś GmbH"},
    )
    assert set(body["user"]) == {"id", "username", "email", "salutation", "first_name", "last_name", "language"}
    closed = await service.http.post("/internal/principal", headers=session)
    assert kind(closed) == (403, "/problems/pending-steps")
    assert closed.json()["pending"] == body["pending"]
    await service.http.post("/api/v1/password", json={"new_password": OWN}, headers=session)
    notice = (await service.http.get("/api/v1/privacy-notice", headers=session)).json()
    assert not notice["accepted"]
    await service.http.post("/api/v1/privacy-notice/acceptance", json={"version": notice["version"]}, headers=session)
    assert (await service.http.get("/api/v1/session", headers=session)).json() == {**body, "pending": []}
    principal = (await service.http.post("/internal/principal", headers=session)).json()
    claims = claims_of(principal["principal"])
    assert (claims["sub"], claims["customer"]) == (body["user"]["id"], "4711")
    assert (claims["sid"], claims["sub"]) == (principal["session_id"], principal["user_id"])


async def test_the_user_is_active_once_the_password_is_set(service: Service) -> None:
    """Everybody hears of it with a higher version."""
    await service.onboarded()
    [told] = await service.said("UserChanged")
    assert (told["status"], told["user_version"]) == ("active", 2)


async def test_refusals_at_the_login_are_alike(service: Service) -> None:
    """Unknown, wrong, deactivated: same status, headers and body."""
    await service.onboarded()
    unused, _ = await service.registered(customer_number="4712", username="w1x2y3")
    async with service.transactions.service() as work:
        [gone] = await work.users.lock_of(["4711"])
    wrong = await service.sign_in("s8u8i1", "wrong")
    unknown = await service.sign_in("nobody", OWN)
    not_used = await service.sign_in(unused, "wrong")
    async with service.transactions.service() as work:
        await work.users.save([gone.with_status("deactivated")])
    deactivated = await service.sign_in("s8u8i1", OWN)
    answers = [wrong, unknown, not_used, deactivated]
    assert {kind(answer) for answer in answers} == {(401, "/problems/sign-in-refused")}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"username": "s8u8i1"},
        {"username": "s8u8i1", "password": None},
        {"username": ["s8u8i1"], "password": OWN},
        {"username": "s8u8i1", "password": OWN, "customer_number": "4712"},
        {"username": "s8u8i1", "password": OWN, "role": "administrator"},
        {"username": "x" * 257, "password": OWN},
        {"username": "s8u8i1", "password": "x" * 1025},
        [],
        "text",
        None,
    ],
)
async def test_a_login_of_another_shape_is_invalid(service: Service, body: Any) -> None:
    """Missing, further and oversized fields are refused without repeating them."""
    answer = await service.http.post("/api/v1/session", json=body)
    assert kind(answer) == (422, "/problems/invalid-request")
    assert OWN not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"username": "s8u8i1", "password": "\\u0000"}',
        b'{"username": "a\\u0000b", "password": "x"}',
        b'{"username": "\\ud800", "password": "x"}',
        b'{"username": "s8u8i1", "password": "\\udfff"}',
        b'{"username": "s8u8i1", "password": "\xff"}',
        b"{",
        b"[" * 5000,
    ],
)
async def test_hostile_text_at_the_login_is_refused_cleanly(service: Service, body: bytes) -> None:
    """NUL, half surrogates, broken UTF-8, broken or deep JSON: an answer of the 400s."""
    answer = await service.http.post("/api/v1/session", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 401, 422}


@pytest.mark.parametrize("token", [None, "", "nonsense", "x" * 4000, "a\u00e4"])
@pytest.mark.parametrize(("method", "path", "body"), BY_SESSION)
async def test_nobody_gets_in(service: Service, method: str, path: str, body: Any, token: str | None) -> None:
    """Every call by session answers 401 without a session."""
    headers = [] if token is None else [(SESSION_HEADER.encode(), token.encode("latin-1"))]
    answer = await service.http.request(method, path, json=body, headers=headers)
    assert kind(answer) == (401, "/problems/no-session")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/password", {"new_password": NEW, "user_id": "x"}),
        ("/api/v1/password", {}),
        ("/api/v1/privacy-notice/acceptance", {"version": "1", "accepted_at": "2020-01-01"}),
        ("/api/v1/privacy-notice/acceptance", {"version": 1}),
    ],
)
async def test_further_fields_are_refused(service: Service, path: str, body: dict[str, Any]) -> None:
    """A write takes what it knows and nothing else."""
    session = await service.onboarded()
    assert kind(await service.http.post(path, json=body, headers=session))[0] == 422


async def test_a_refused_password_is_explained(service: Service) -> None:
    """A code for programs, a sentence in the person's language, and both languages for pages."""
    username, initial = await service.registered(language="en")
    session = {SESSION_HEADER: (await service.sign_in(username, initial)).headers[SESSION_HEADER]}
    answer = await service.http.post("/api/v1/password", json={"new_password": "kurz"}, headers=session)
    assert kind(answer) == (422, "/problems/password-refused")
    problem = answer.json()
    assert (problem["code"], problem["detail"]) == (
        "password_too_short",
        "The new password needs at least 10 characters.",
    )
    assert problem["messages"]["de"] == "Das neue Passwort braucht mindestens 10 Zeichen."


async def test_a_changed_password_ends_the_other_sessions(service: Service) -> None:
    """The old password and the other device are out, this one goes on."""
    mine = await service.onboarded()
    other = {SESSION_HEADER: (await service.sign_in("s8u8i1", OWN)).headers[SESSION_HEADER]}
    missing = await service.http.post("/api/v1/password", json={"new_password": NEW}, headers=mine)
    assert missing.json()["code"] == "current_password_missing"
    body = {"new_password": NEW, "current_password": OWN}
    assert (await service.http.post("/api/v1/password", json=body, headers=mine)).status_code == 204
    assert (await service.http.post("/internal/principal", headers=mine)).status_code == 200
    assert (await service.http.post("/internal/principal", headers=other)).status_code == 401
    assert (await service.sign_in("s8u8i1", OWN)).status_code == 401
    assert (await service.sign_in("s8u8i1", NEW)).status_code == 200


async def test_signing_out_ends_the_session(service: Service) -> None:
    """Afterwards its token opens nothing."""
    session = await service.onboarded()
    assert (await service.http.delete("/api/v1/session", headers=session)).status_code == 204
    for method, path, body in BY_SESSION:
        answer = await service.http.request(method, path, json=body, headers=session)
        assert answer.status_code == 401


async def test_too_many_failures_have_to_wait(service: Service) -> None:
    """After ten, 429 with the seconds to wait; the owner elsewhere gets in."""
    await service.onboarded()
    answers = [await service.sign_in("s8u8i1", "wrong", f"2001:db8::{number}") for number in range(10)]
    assert {answer.status_code for answer in answers} == {401}
    waiting = await service.sign_in("s8u8i1", OWN, "2001:db8::ffff")
    assert kind(waiting) == (429, "/problems/too-many-attempts")
    assert waiting.headers["retry-after"] == "900"
    assert (await service.sign_in("s8u8i1", OWN, "2001:db8:0:1::1")).status_code == 200
    service.clock.advance(timedelta(minutes=15))
    assert (await service.sign_in("s8u8i1", OWN, "2001:db8::ffff")).status_code == 200


async def test_too_many_logins_at_once_are_sent_away(service: Service) -> None:
    """Who finds the queue for passwords full is asked to come again, at once."""
    service.passwords._most = 1
    answers = await asyncio.gather(*(service.sign_in("nobody", "wrong") for _ in range(5)))
    busy = [answer for answer in answers if answer.status_code != 401]
    assert {kind(answer) for answer in busy} == {(503, "/problems/busy")}
    assert {answer.headers["retry-after"] for answer in busy} == {"2"}


async def test_another_version_of_the_notice_cannot_be_accepted(service: Service) -> None:
    """Only the one in force can."""
    session = await service.onboarded()
    answer = await service.http.post("/api/v1/privacy-notice/acceptance", json={"version": "0"}, headers=session)
    assert kind(answer) == (409, "/problems/notice-outdated")


@pytest.mark.parametrize(
    ("query", "accept_language", "title"),
    [
        ("", None, "Datenschutzhinweise"),
        ("", "en-GB,en;q=0.9,de;q=0.8", "Privacy notice"),
        ("", "fr, de;q=0.5, en;q=0.4", "Datenschutzhinweise"),
        ("?language=en", "de", "Privacy notice"),
        ("?language=de", "en", "Datenschutzhinweise"),
    ],
)
async def test_everybody_may_read_the_notice(
    service: Service, query: str, accept_language: str | None, title: str
) -> None:
    """In the language asked for, German otherwise; an ended session does not matter."""
    headers = {SESSION_HEADER: "ended", **({"accept-language": accept_language} if accept_language else {})}
    answer = await service.http.get(f"/api/v1/privacy-notice{query}", headers=headers)
    assert (answer.status_code, answer.json()["title"], answer.json()["version"]) == (200, title, "1")


async def test_the_keys_are_published(service: Service) -> None:
    """The public key alone, and the same after a restart."""
    [key] = (await service.http.get(JWKS_PATH)).json()["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "Ed25519", "sig")
    assert "d" not in key
