"""Principals as signed tokens of a minute (EdDSA), in the form that chassis.principal states and verifies."""

from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from chassis.clock import Clock
from chassis.principal import PRINCIPAL_ALGORITHM, Principal, principal_claims, principal_header


class JwtPrincipals:
    """Signs with the newest key and publishes all, so that tokens outlive a change of keys."""

    def __init__(self, keys: Sequence[OKPKey], clock: Clock) -> None:
        self._key = keys[0]
        self._header = principal_header(self._key.kid or "")
        self._jwks: dict[str, Any] = dict(KeySet(list(keys)).as_dict(private=False, use="sig", alg=PRINCIPAL_ALGORITHM))
        self._clock = clock

    def issue(self, principal: Principal) -> str:
        claims = principal_claims(principal, self._clock.now())
        return jwt.encode(self._header, claims, self._key, algorithms=[PRINCIPAL_ALGORITHM])

    def jwks(self) -> dict[str, Any]:
        return self._jwks
