"""Keys and settings: what opens a secret, and what a wrong variable is told."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from chassis.settings import SettingsInvalid, load_settings
from notifier.adapters.jwe_secrets import JweSecrets
from notifier.ports import SecretUnreadable
from notifier.settings import NotifierSettings
from tests.notifier.service import KEY, sealed

OTHER = ECKey.generate_key("P-256", {"kid": "other"}, private=True)
ENVIRONMENT = {
    "HTTP_PORT": "1",
    "MANAGEMENT_PORT": "2",
    "DATABASE_URL": "postgresql://a:b@c/d",
    "KAFKA_BOOTSTRAP": "h:1",
    "IDENTITY_URL": "http://identity:1",
    "S3_ENDPOINT": "http://s3:1",
    "S3_ACCESS_KEY": "a",
    "S3_SECRET_KEY": "b",
    "S3_DOCUMENTS_BUCKET": "documents",
    "SMTP_HOST": "mail",
    "SMTP_PORT": "25",
    "PUBLIC_URL": "https://portal.example",
}


def key_set(*keys: ECKey, private: bool = True) -> str:
    return json.dumps({"keys": [key.as_dict(private=private) for key in keys]})


def loaded(**changed: str) -> NotifierSettings:
    values = {**ENVIRONMENT, "NOTIFIER_PRIVATE_KEYS": key_set(KEY), **changed}
    return load_settings(NotifierSettings, {f"KUNDENPORTAL_{name}": value for name, value in values.items()})


def test_both_keys_of_a_rotation_open_their_secrets() -> None:
    """The one in use and its predecessor."""
    secrets = JweSecrets(key_set(KEY, OTHER))
    assert [secrets.open(sealed("ä-1", key)) for key in (KEY, OTHER)] == ["ä-1", "ä-1"]


@pytest.mark.parametrize("secret", ["", "x", "a.b.c.d.e", sealed("x", OTHER), sealed("x")[:-4] + "AAAA"])
def test_a_foreign_or_broken_secret_stays_closed(secret: str) -> None:
    """And the error says nothing of it."""
    with pytest.raises(SecretUnreadable) as error:
        JweSecrets(key_set(KEY)).open(secret)
    assert len(str(error.value)) < 40


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_no_text_breaks_the_opening(text: str) -> None:
    """Whatever stands on the bus, it is readable or it is not."""
    with pytest.raises(SecretUnreadable):
        JweSecrets(key_set(KEY)).open(text)


def test_the_defaults_are_those_of_the_product() -> None:
    """10 MB, 7 days, 30 days, a mail server on this machine without TLS."""
    told = loaded()
    assert (told.max_mail_bytes, told.suppress_after_days, told.waiting_days) == (10_000_000, 7, 30)
    assert (told.smtp_tls, told.smtp_from) == ("none", "Kundenportal <kundenportal@localhost>")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFIER_PRIVATE_KEYS", "no json"),
        ("NOTIFIER_PRIVATE_KEYS", "[]"),
        ("NOTIFIER_PRIVATE_KEYS", '{"keys": []}'),
        ("NOTIFIER_PRIVATE_KEYS", key_set(KEY, private=False)),
        ("NOTIFIER_PRIVATE_KEYS", key_set(KEY, OTHER, ECKey.generate_key("P-256", {"kid": "c"}, private=True))),
        ("SMTP_FROM", "Kundenportal"),
        ("SMTP_FROM", "Kundenportal <a@b.example>\r\nBcc: c@d.example"),
        ("SMTP_FROM", "=?utf-8?q?x?= <a@b.example>"),
        ("SMTP_HOST", "mail server"),
        ("SMTP_TLS", "perhaps"),
        ("SMTP_CONNECTIONS", "0"),
        ("MAX_MAIL_BYTES", "1"),
        ("PUBLIC_URL", "portal.example"),
        ("BRAND_COLOR", "red;background:url(https://x)"),
    ],
)
def test_a_wrong_variable_is_named_without_its_value(name: str, value: str) -> None:
    """At the start, in one sentence."""
    with pytest.raises(SettingsInvalid) as error:
        loaded(**{name: value})
    [sentence] = error.value.problems
    assert f"KUNDENPORTAL_{name}" in sentence
    assert '"d"' not in sentence


def test_every_missing_variable_is_named() -> None:
    """All of them at once."""
    with pytest.raises(SettingsInvalid) as error:
        load_settings(NotifierSettings, {})
    named: Any = " ".join(error.value.problems)
    assert all(f"KUNDENPORTAL_{name} " in named for name in (*ENVIRONMENT, "NOTIFIER_PRIVATE_KEYS"))
