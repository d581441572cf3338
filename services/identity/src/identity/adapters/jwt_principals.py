"""Principals as signed tokens of a minute (EdDSA), in the form that chassis.principal states and verifies."""

from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from chassis.clock import Clock
from chassis.principal import (
    PRINCIPAL_ALGORITHM,
    PRINCIPAL_AUDIENCE,
    PRINCIPAL_ISSUER,
    PRINCIPAL_LIFETIME,
    PRINCIPAL_TYPE,
    Principal,
)


class JwtPrincipals:
    """Signs with the newest key and publishes all, so that tokens outlive a change of keys."""

    def __init__(self, keys: Sequence[OKPKey], clock: Clock) -> None:
        self._key = keys[0]
        self._header = {"alg": PRINCIPAL_ALGORITHM, "typ": PRINCIPAL_TYPE, "kid": self._key.kid}
        self._jwks: dict[str, Any] = dict(KeySet(list(keys)).as_dict(private=False, use="sig", alg=PRINCIPAL_ALGORITHM))
        self._clock = clock

    def issue(self, principal: Principal) -> str:
        now = self._clock.now()
        claims = {
            "iss": PRINCIPAL_ISSUER,
            "aud": PRINCIPAL_AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": int((now + PRINCIPAL_LIFETIME).timestamp()),
            "sub": str(principal.user_id),
            "customer": principal.customer_number,
            "role": principal.role,
            "sid": str(principal.session_id),
        }
        return jwt.encode(self._header, claims, self._key, algorithms=[PRINCIPAL_ALGORITHM])

    def jwks(self) -> dict[str, Any]:
        return self._jwks
