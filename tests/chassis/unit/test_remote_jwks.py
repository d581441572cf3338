"""Identity's keys: fetched when needed, kept when identity is down, and never fetched in a storm."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from joserfc.errors import JoseError

from chassis.principal import IdentityUnavailable, RemoteJwks
from chassis.principal.remote_jwks import read_keys
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.principals import PrincipalSigner

FIRST, SECOND = PrincipalSigner(kid="first"), PrincipalSigner(kid="second")


class Identity:
    """Stands for identity's /internal/jwks; what it answers can be changed, and it counts the questions."""

    def __init__(self, answer: Callable[[], httpx2.Response]) -> None:
        self.answer = answer
        self.asked = 0
        self.clock = FrozenClock()
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self._handle))
        self.jwks = RemoteJwks("http://identity:8002/", client, self.clock)

    async def _handle(self, request: httpx2.Request) -> httpx2.Response:
        assert str(request.url) == "http://identity:8002/internal/jwks"
        self.asked += 1
        await asyncio.sleep(0)
        return self.answer()

    async def knows(self, kid: str) -> bool:
        return await self.jwks.key(kid) is not None


def publishes(*signers: PrincipalSigner) -> Callable[[], httpx2.Response]:
    keys = [key for signer in signers for key in signer.jwks()["keys"]]
    return lambda: httpx2.Response(200, json={"keys": keys})


def is_down() -> httpx2.Response:
    raise httpx2.ConnectError("refused")


BAD_ANSWERS: list[Callable[[], httpx2.Response]] = [
    is_down,
    lambda: httpx2.Response(500),
    lambda: httpx2.Response(302, headers={"location": "http://evil/jwks"}),
    lambda: httpx2.Response(200, content=b"<html>"),
    lambda: httpx2.Response(200, content=b"[" * 60_000),
    lambda: httpx2.Response(200, json={"keys": "none"}),
    lambda: httpx2.Response(200, json=[]),
    lambda: httpx2.Response(200, content=b" " * 70_000),
    lambda: httpx2.Response(200, json={"keys": [{}] * 17}),
    lambda: httpx2.Response(200, json={"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "!"}]}),
]


async def test_keys_are_fetched_once_however_many_ask() -> None:
    """The first hundred requests together cause one fetch, later ones none."""
    identity = Identity(publishes(FIRST))
    assert all(await asyncio.gather(*(identity.knows("first") for _ in range(100))))
    assert await identity.knows("first")
    assert identity.asked == 1


async def test_a_new_key_is_found() -> None:
    """When identity rotates, a token with the new kid makes the service look again."""
    identity = Identity(publishes(FIRST))
    assert await identity.knows("first")
    identity.answer = publishes(FIRST, SECOND)
    identity.clock.advance(timedelta(seconds=5))
    assert await identity.knows("second")
    assert identity.asked == 2


async def test_unknown_keys_cause_no_storm() -> None:
    """A thousand invented kids within five seconds cause one fetch."""
    identity = Identity(publishes(FIRST))
    assert not any(await asyncio.gather(*(identity.knows(f"invented {n}") for n in range(1000))))
    assert identity.asked == 1
    identity.clock.advance(timedelta(seconds=5))
    assert not await identity.knows("invented")
    assert identity.asked == 2


@pytest.mark.parametrize("answer", BAD_ANSWERS)
async def test_keys_are_kept_while_identity_is_down(answer: Callable[[], httpx2.Response]) -> None:
    """Whatever goes wrong with a fetch, the keys from before hold; new ones are unknown meanwhile."""
    identity = Identity(publishes(FIRST))
    assert await identity.knows("first")
    identity.answer = answer
    identity.clock.advance(timedelta(hours=1))
    assert await identity.knows("first")
    assert not await identity.knows("second")
    identity.answer = publishes(SECOND)
    identity.clock.advance(timedelta(seconds=5))
    assert await identity.knows("second")


@pytest.mark.parametrize("answer", BAD_ANSWERS)
async def test_without_any_key_nobody_can_tell(answer: Callable[[], httpx2.Response]) -> None:
    """A service that never saw a key asks to come again instead of turning everybody away; it tries every second."""
    identity = Identity(answer)
    for _ in range(3):
        with pytest.raises(IdentityUnavailable):
            await identity.knows("first")
    assert identity.asked == 1
    identity.answer = publishes(FIRST)
    identity.clock.advance(timedelta(seconds=1))
    assert await identity.knows("first")


async def test_a_withdrawn_key_is_forgotten() -> None:
    """A key that identity no longer publishes is believed for five minutes at most."""
    identity = Identity(publishes(FIRST, SECOND))
    assert await identity.knows("first")
    identity.answer = publishes(SECOND)
    identity.clock.advance(timedelta(minutes=5))
    assert not await identity.knows("first")


async def test_a_silent_identity_is_given_up() -> None:
    """A fetch that never ends is cut off after two seconds, and those with known keys do not wait for it."""
    identity = Identity(publishes(FIRST))
    assert await identity.knows("first")
    identity.clock.advance(timedelta(minutes=5))
    never = asyncio.Event()

    async def hang(request: httpx2.Request) -> httpx2.Response:
        await never.wait()
        return httpx2.Response(500)

    identity.jwks._client = httpx2.AsyncClient(transport=httpx2.MockTransport(hang))
    waiting = asyncio.create_task(identity.knows("first"))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.5):
        assert await identity.knows("first")
    assert await waiting


def test_only_our_kind_of_key_is_read() -> None:
    """Keys of other kinds are passed over, and a private part is not kept."""
    ours: dict[str, Any] = FIRST._key.as_dict(private=True)
    others = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "hmac"},
        {"kty": "OKP", "crv": "X25519", "x": ours["x"], "kid": "exchange"},
        {**ours, "kid": "encryption", "use": "enc"},
        {**ours, "kid": 7},
        "first",
    ]
    keys = read_keys(json.dumps({"keys": [*others, ours]}).encode())
    assert list(keys) == ["first"]
    assert not keys["first"].is_private


@pytest.mark.parametrize("x", ["", "!", "AAAA", None, 7])
def test_a_broken_key_fails_the_set(x: object) -> None:
    """A set with a broken key of ours is not taken, so that the keys from before stay."""
    with pytest.raises((ValueError, JoseError)):
        read_keys(json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "first", "x": x}]}).encode())
