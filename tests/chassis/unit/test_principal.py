"""Principal tokens: what identity signed for us is believed, and nothing else (RFC 8725)."""

import base64
import hmac
import json
from datetime import timedelta
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Depends
from joserfc import jws
from joserfc.jwk import OKPKey

from chassis.health import Health
from chassis.principal import PRINCIPAL_HEADER, Principal, authenticated
from chassis.problems import Problem, create_app
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.principals import PrincipalSigner, make_principal

CLOCK = FrozenClock()
SIGNER = PrincipalSigner(CLOCK)
PRINCIPAL = make_principal("4711", role="member")
NOW = int(CLOCK.now().timestamp())


def encode(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def refused(token: str) -> bool:
    with pytest.raises(Problem) as caught:
        await SIGNER.verifier().verify(token)
    assert (caught.value.status, caught.value.type, caught.value.detail) == (401, "/problems/no-principal", None)
    return True


async def test_what_identity_signed_is_believed() -> None:
    """User, customer, role and session arrive as they were stated."""
    assert await SIGNER.verifier().verify(SIGNER.sign(PRINCIPAL)) == PRINCIPAL


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "EdDSA"},
        {"alg": ["Ed25519"]},
        {"alg": None},
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": "PRINCIPAL+JWT"},
        {"typ": None},
        {"kid": "unknown"},
        {"kid": "../../etc/passwd"},
        {"kid": 7},
        {"kid": None},
        {"jku": "http://evil/jwks"},
        {"x5u": "http://evil/cert"},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ],
)
async def test_a_foreign_header_is_refused(header: dict[str, Any]) -> None:
    """Another algorithm, type or key, or any member beyond ours, is no principal token, however well it is signed."""
    payload = SIGNER.sign(PRINCIPAL).split(".")[1]
    members = {"alg": "Ed25519", "typ": "principal+jwt", "kid": SIGNER.kid, **header}
    protected = encode({name: value for name, value in members.items() if value is not None})
    signature = SIGNER._key.get_op_key("sign").sign(f"{protected}.{payload}".encode())  # type: ignore[union-attr] # the key is Ed25519, one of several types
    assert await refused(f"{protected}.{payload}.{encode(signature)}")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "gateway"},
        {"iss": None},
        {"aud": "secanimplus"},
        {"aud": ["kundenportal-internal"]},
        {"aud": None},
        {"exp": None},
        {"exp": NOW - 6},
        {"exp": NOW + 61},
        {"exp": str(NOW + 60)},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": True},
        {"exp": 10**30, "iat": 10**30 - 60},
        {"iat": None},
        {"iat": NOW + 10, "exp": NOW + 60},
        {"iat": NOW - 120},
        {"iat": NOW + 60},
        {"sub": None},
        {"sub": "max"},
        {"sub": 7},
        {"customer": None},
        {"customer": ""},
        {"customer": "4711' OR true"},
        {"customer": "4711\n"},
        {"customer": ["4711"]},
        {"role": None},
        {"role": "superuser"},
        {"role": ["administrator"]},
        {"sid": None},
        {"sid": "x"},
    ],
)
async def test_claims_that_are_not_as_agreed_are_refused(claims: dict[str, Any]) -> None:
    """A missing or odd claim is refused, though identity's key signed it."""
    assert await refused(SIGNER.sign(PRINCIPAL, claims=claims))


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"null", b'"x"', b"{", b"\xff", b"[" * 1500, b"{}"])
async def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    """A well signed payload that is not a JSON object is refused."""
    protected = {"alg": "Ed25519", "typ": "principal+jwt", "kid": SIGNER.kid}
    assert await refused(jws.serialize_compact(protected, payload, SIGNER._key, algorithms=["Ed25519"]))


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a.b.c", "ü.b.c", " ", "\x00", "e30.e30.", "." * 5000, "x" * 10**6]
)
async def test_what_is_no_token_is_refused(token: str) -> None:
    """Rubbish, however long, is refused."""
    assert await refused(token)


async def test_a_changed_token_is_refused() -> None:
    """Any character changed in any of the three parts spoils the token; so does a part left out or added."""
    token = SIGNER.sign(PRINCIPAL)
    for position in range(0, len(token) - 1, 7):
        changed = "A" if token[position] != "A" else "B"
        assert await refused(f"{token[:position]}{changed}{token[position + 1 :]}")
    head, payload, signature = token.split(".")
    for forged in (f"{head}.{payload}.", f"{head}.{payload}", f"{token}.{signature}", f"{head}..{signature}"):
        assert await refused(forged)


async def test_another_key_is_refused() -> None:
    """A token signed by somebody else under identity's kid is refused, also with the public key as HMAC secret."""
    assert await refused(PrincipalSigner(CLOCK, kid=SIGNER.kid).sign(PRINCIPAL))
    secret = OKPKey.import_key(SIGNER.jwks()["keys"][0]).as_pem(private=False)
    protected = encode({"alg": "HS256", "typ": "principal+jwt", "kid": SIGNER.kid})
    signed = f"{protected}.{SIGNER.sign(PRINCIPAL).split('.')[1]}"
    assert await refused(f"{signed}.{encode(hmac.digest(secret, signed.encode(), 'sha256'))}")


async def test_a_token_lives_a_minute() -> None:
    """It is believed for 60 s and 5 s of leeway, also when it was seen before; a clock set back refuses it, too."""
    clock = FrozenClock()
    signer = PrincipalSigner(clock)
    verifier, token = signer.verifier(), signer.sign(PRINCIPAL)
    for seconds in (-5, 0, 30, 64):
        clock.jump(timedelta(seconds=seconds))
        assert await verifier.verify(token) == PRINCIPAL
        clock.jump(timedelta(seconds=-seconds))
    for seconds in (-6, 65, 3600, -3600):
        clock.jump(timedelta(seconds=seconds))
        with pytest.raises(Problem):
            await verifier.verify(token)
        clock.jump(timedelta(seconds=-seconds))


async def test_a_route_gets_the_principal() -> None:
    """The dependency reads the one internal header; none, two or another's is a 401 problem."""
    app = create_app("documents", Health())
    dependency = Depends(authenticated(SIGNER.verifier()))

    @app.get("/whoami")
    async def whoami(principal: Annotated[Principal, dependency]) -> str:
        return principal.customer_number

    token = SIGNER.sign(PRINCIPAL)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://documents") as client:
        assert (await client.get("/whoami", headers=SIGNER.headers(PRINCIPAL))).json() == "4711"
        for headers in ([], [("authorization", f"Bearer {token}")], [(PRINCIPAL_HEADER, token)] * 2):
            answer = await client.get("/whoami", headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (401, "/problems/no-principal")
