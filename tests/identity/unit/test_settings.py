"""What identity refuses to start with."""

import base64
import json

import pytest
from joserfc.jwk import ECKey

from chassis.settings import SettingsInvalid, describe, load_settings
from identity.settings import IdentitySettings

PAIR = ECKey.generate_key("P-256", {"kid": "notifier-1"})
PUBLIC = PAIR.as_dict(private=False)
GOOD = {
    "KUNDENPORTAL_HTTP_PORT": "8001",
    "KUNDENPORTAL_MANAGEMENT_PORT": "9001",
    "KUNDENPORTAL_DATABASE_URL": "postgresql://identity:secret@127.0.0.1:5432/identity",
    "KUNDENPORTAL_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "KUNDENPORTAL_KEY_ENCRYPTION_KEY": base64.b64encode(bytes(range(32))).decode(),
    "KUNDENPORTAL_NOTIFIER_PUBLIC_KEY": json.dumps(PUBLIC),
}


def test_settings_are_read_from_the_environment() -> None:
    """The optional ones have defaults."""
    settings = load_settings(IdentitySettings, GOOD)
    assert settings.billing_sources == ("billing/*",)
    assert settings.key_encryption_key == bytes(range(32))
    assert settings.notifier_public_key == PUBLIC
    several = load_settings(IdentitySettings, {**GOOD, "KUNDENPORTAL_BILLING_SOURCES": "billing/sap-1, billing/sap-2"})
    assert several.billing_sources == ("billing/sap-1", "billing/sap-2")


def test_every_missing_variable_is_named() -> None:
    """Not only the first one."""
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(IdentitySettings, {})
    assert all(name in str(caught.value) for name in GOOD)


@pytest.mark.parametrize(
    "key",
    [
        "nonsense",
        "[]",
        "{}",
        '{"kty": "EC"}',
        json.dumps(PAIR.as_dict(private=True)),
        json.dumps({**PUBLIC, "x": "AAAA"}),
        json.dumps({name: value for name, value in PUBLIC.items() if name != "kid"}),
        json.dumps(ECKey.generate_key("P-384", {"kid": "k"}).as_dict(private=False)),
    ],
)
def test_a_wrong_public_key_is_refused(key: str) -> None:
    """The sentence names the variable and repeats nothing of a private key."""
    with pytest.raises(SettingsInvalid, match="KUNDENPORTAL_NOTIFIER_PUBLIC_KEY is wrong: must be") as caught:
        load_settings(IdentitySettings, {**GOOD, "KUNDENPORTAL_NOTIFIER_PUBLIC_KEY": key})
    assert str(PAIR.as_dict(private=True)["d"]) not in str(caught.value)


@pytest.mark.parametrize("key", ["nonsense!", "AAAA", base64.b64encode(bytes(31)).decode()])
def test_a_wrong_encryption_key_is_refused(key: str) -> None:
    """It must be 32 bytes, and is not shown."""
    with pytest.raises(SettingsInvalid, match="KUNDENPORTAL_KEY_ENCRYPTION_KEY is wrong: must be") as caught:
        load_settings(IdentitySettings, {**GOOD, "KUNDENPORTAL_KEY_ENCRYPTION_KEY": key})
    assert key not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    """Describing the settings for people hides the encryption key and the database's password."""
    shown = str(describe(load_settings(IdentitySettings, GOOD)))
    assert "secret" not in shown
    assert GOOD["KUNDENPORTAL_KEY_ENCRYPTION_KEY"] not in shown
    assert str(bytes(range(32))) not in shown
