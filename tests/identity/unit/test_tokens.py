"""What leaves the service signed or sealed."""

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey

from chassis.principal import Principal, PrincipalVerifier
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.principals import make_principal
from identity.adapters.jwe_secrets import JweSecrets
from identity.adapters.jwt_principals import JwtPrincipals
from tests.identity.making import claims_of


def keys(*kids: str) -> list[OKPKey]:
    return [OKPKey.generate_key("Ed25519", {"kid": kid}) for kid in kids]


class Published:
    """The services' view of /internal/jwks."""

    def __init__(self, jwks: dict[str, list[dict[str, str]]]) -> None:
        self._keys = {key["kid"]: key for key in jwks["keys"]}

    async def key(self, kid: str) -> OKPKey | None:
        return OKPKey.import_key(dict(self._keys[kid])) if kid in self._keys else None


@pytest.mark.parametrize("role", ["member", "administrator"])
async def test_a_principal_is_verified_by_the_services(clock: FrozenClock, role: str) -> None:
    """What identity signs, the chassis of any service verifies with the published keys."""
    principals = JwtPrincipals(keys("new", "old"), clock)
    principal: Principal = make_principal(role=role)  # type: ignore[arg-type]  # the parameter is plain text
    verifier = PrincipalVerifier(Published(principals.jwks()), clock)
    assert await verifier.verify(principals.issue(principal)) == principal


def test_a_principal_lives_a_minute(clock: FrozenClock) -> None:
    """From now on, whatever the session may live."""
    claims = claims_of(JwtPrincipals(keys("new"), clock).issue(make_principal()))
    assert claims["exp"] - claims["iat"] == 60
    assert claims["iat"] == int(clock.now().timestamp())


def test_public_keys_are_public(clock: FrozenClock) -> None:
    """All keys are published, none with its private part."""
    jwks = JwtPrincipals(keys("new", "old"), clock).jwks()
    assert [key["kid"] for key in jwks["keys"]] == ["new", "old"]
    assert all("d" not in key for key in jwks["keys"])


async def test_a_secret_is_for_the_notifier_alone() -> None:
    """It is encrypted to the public key, names it, and differs each time."""
    pair = ECKey.generate_key("P-256", {"kid": "notifier-1"})
    secrets = JweSecrets(pair.as_dict(private=False))
    first, second = await secrets.seal(["k7mq-x4hd", "k7mq-x4hd"])
    assert first != second
    opened = jwe.decrypt_compact(first, pair, algorithms=["ECDH-ES", "A256GCM"])
    assert opened.plaintext == b"k7mq-x4hd"
    assert opened.headers()["kid"] == "notifier-1"
