"""Identity's public keys, fetched from its own address and kept: a service goes on verifying while identity is down."""

import asyncio
import json
from typing import Any

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from chassis.clock import Clock, SystemClock
from chassis.logs import get_logger
from chassis.principal.claims import JWKS_PATH
from chassis.unavailable import Unavailable

FETCH_TIMEOUT_SECONDS = 2.0
MAX_AGE_SECONDS = 300.0
PAUSE_AFTER_SUCCESS_SECONDS = 5.0
PAUSE_AFTER_FAILURE_SECONDS = 1.0
MAX_BYTES = 64 * 1024
MAX_KEYS = 16

log = get_logger()


class IdentityUnavailable(Unavailable):
    """Identity's keys were never seen and cannot be had now, so that no principal can be told from a forged one."""


class RemoteJwks:
    """Fetches at the first need, on an unknown kid (every 5 s at most) and when the keys are 5 min old.

    A failing fetch keeps the keys there are. The client is the caller's, who closes it.
    """

    def __init__(self, identity_url: str, client: httpx2.AsyncClient, clock: Clock | None = None) -> None:
        self._url = identity_url.rstrip("/") + JWKS_PATH
        self._client = client
        self._clock = clock or SystemClock()
        self._keys: dict[str, OKPKey] = {}
        self._fetched_at: float | None = None
        self._not_before = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, kid: str) -> OKPKey | None:
        """Find the key of this id; None where identity does not publish it."""
        if kid not in self._keys:
            async with self._fetching:
                if kid not in self._keys:
                    await self._refresh()
        elif self._is_old() and not self._fetching.locked():
            async with self._fetching:
                await self._refresh()
        if self._fetched_at is None:
            raise IdentityUnavailable("identity's keys cannot be had")
        return self._keys.get(kid)

    def _is_old(self) -> bool:
        return self._fetched_at is None or self._clock.monotonic() - self._fetched_at >= MAX_AGE_SECONDS

    async def _refresh(self) -> None:
        now = self._clock.monotonic()
        if now < self._not_before:
            return
        self._not_before = now + PAUSE_AFTER_FAILURE_SECONDS
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                keys = read_keys(await self._fetch())
        except (httpx2.HTTPError, JoseError, OSError, TimeoutError, ValueError, RecursionError) as error:
            log.warning("jwks_not_fetched", url=self._url, cause=type(error).__name__, kept=len(self._keys))
            return
        self._keys, self._fetched_at = keys, now
        self._not_before = now + PAUSE_AFTER_SUCCESS_SECONDS

    async def _fetch(self) -> bytes:
        body = bytearray()
        async with self._client.stream("GET", self._url, follow_redirects=False) as response:
            if response.status_code != httpx2.codes.OK:
                raise ValueError(f"status {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError("too long for a set of keys")
        return bytes(body)


def read_keys(document: bytes) -> dict[str, OKPKey]:
    """Read the Ed25519 public keys of a JWK set (RFC 7517, 8037) by their kid; ValueError or JoseError where it is none.

    Keys of other kinds are passed over; a private part would not be used.
    """
    parsed = json.loads(document)
    entries = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise ValueError("no set of keys")
    return {entry["kid"]: _import(entry) for entry in entries if _is_ours(entry)}


def _is_ours(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and (entry.get("kty"), entry.get("crv")) == ("OKP", "Ed25519")
        and entry.get("use", "sig") == "sig"
        and isinstance(entry.get("kid"), str)
    )


def _import(entry: dict[str, Any]) -> OKPKey:
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": str(entry.get("x")), "kid": entry["kid"]})
