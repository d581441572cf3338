"""Principals for tests: signs as identity does, with a key made for the test, and verifies them without any network."""

import json
from typing import Any
from uuid import UUID, uuid4

from joserfc import jws
from joserfc.jwk import OKPKey

from chassis.clock import Clock, SystemClock
from chassis.principal import (
    PRINCIPAL_ALGORITHM,
    PRINCIPAL_HEADER,
    Principal,
    PrincipalVerifier,
    Role,
    principal_claims,
    principal_header,
)


class PrincipalSigner:
    """Stands for identity: `signer.headers(principal)` goes with a request, `signer.verifier()` into the wiring."""

    def __init__(self, clock: Clock | None = None, kid: str = "test-key") -> None:
        self.kid = kid
        self._clock = clock or SystemClock()
        self._key = OKPKey.generate_key("Ed25519", parameters={"kid": kid, "use": "sig"})

    async def key(self, kid: str) -> OKPKey | None:
        return OKPKey.import_key(self._key.as_dict(private=False)) if kid == self.kid else None

    def verifier(self) -> PrincipalVerifier:
        return PrincipalVerifier(self, self._clock)

    def jwks(self) -> dict[str, Any]:
        """Give the document that identity serves at /internal/jwks."""
        return {"keys": [self._key.as_dict(private=False)]}

    def sign(
        self, principal: Principal, *, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None
    ) -> str:
        """Sign a token; `header` and `claims` replace single members, None drops one, for the bad ones of a test."""
        members = {**principal_claims(principal, self._clock.now()), **(claims or {})}
        payload = json.dumps({name: value for name, value in members.items() if value is not None}).encode()
        given = {**principal_header(self.kid), **(header or {})}
        protected = {name: value for name, value in given.items() if value is not None}
        return jws.serialize_compact(protected, payload, self._key, algorithms=[PRINCIPAL_ALGORITHM])

    def headers(self, principal: Principal) -> dict[str, str]:
        return {PRINCIPAL_HEADER: self.sign(principal)}


def make_principal(
    customer_number: str = "4711", *, role: Role = "administrator", user_id: UUID | None = None
) -> Principal:
    return Principal(user_id or uuid4(), customer_number, role, uuid4())
