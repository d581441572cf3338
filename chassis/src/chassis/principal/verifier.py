"""Verifies principal tokens: our algorithm, our type, a key of identity's, every claim; anything else is a 401."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Request
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from chassis.clock import Clock, SystemClock
from chassis.principal.claims import (
    PRINCIPAL_ALGORITHM,
    PRINCIPAL_HEADER,
    PRINCIPAL_TYPE,
    Principal,
    is_current,
    read_claims,
)
from chassis.problems import Problem

MAX_TOKEN_LENGTH = 2048
REMEMBERED = 1024


class KeySource(Protocol):
    """The public keys that identity signs with."""

    async def key(self, kid: str) -> OKPKey | None:
        """Find the key of this id, or None. Raises Unavailable where nobody can tell."""
        ...


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    issued: int
    expires: int


class PrincipalVerifier:
    """Remembers the tokens whose signature it has seen, as the gateway sends one again for 2 s; times are judged anew."""

    def __init__(self, keys: KeySource, clock: Clock | None = None) -> None:
        self._keys = keys
        self._clock = clock or SystemClock()
        self._remembered: dict[str, _Verified] = {}

    async def verify(self, token: str) -> Principal:
        """Give the principal that the token states; Problem 401 where it states none, without saying why."""
        verified = self._remembered.get(token)
        if verified is None:
            verified = await self._read(token)
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[token] = verified
        if not is_current(verified.issued, verified.expires, self._clock.now()):
            raise _refusal()
        return verified.principal

    async def _read(self, token: str) -> _Verified:
        try:
            signature = _parse(token)
            kid = _kid(signature.headers())
            _check(signature, await self._keys.key(kid))
            claims = json.loads(signature.payload)
            principal, expires = read_claims(claims)
        except (JoseError, ValueError, AttributeError, RecursionError):
            raise _refusal() from None
        return _Verified(principal, claims["iat"], expires)


def authenticated(verifier: PrincipalVerifier) -> Callable[[Request], Awaitable[Principal]]:
    """Make a FastAPI dependency: `principal: Annotated[Principal, Depends(authenticated(verifier))]`."""

    async def principal(request: Request) -> Principal:
        tokens = request.headers.getlist(PRINCIPAL_HEADER)
        if len(tokens) != 1:
            raise _refusal()
        return await verifier.verify(tokens[0])

    return principal


def _parse(token: str) -> jws.CompactSignature:
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise ValueError("no token")
    return jws.extract_compact(token.encode("ascii"))


def _kid(header: Any) -> str:
    """Read the key's id from a header that is ours, member by member: no jku, x5u, jwk or crit is ever looked at."""
    if not isinstance(header, dict) or header.keys() != {"alg", "typ", "kid"}:
        raise ValueError("foreign header")
    kid = header["kid"]
    if header["alg"] != PRINCIPAL_ALGORITHM or header["typ"] != PRINCIPAL_TYPE or not isinstance(kid, str):
        raise ValueError("foreign header")
    return kid


def _check(signature: jws.CompactSignature, key: OKPKey | None) -> None:
    if key is None or not jws.validate_compact(signature, key, algorithms=[PRINCIPAL_ALGORITHM]):
        raise ValueError("not signed by identity")


def _refusal() -> Problem:
    return Problem(401, "/problems/no-principal", "A valid principal is needed")
