"""Settings: everything wrong is named at once, and no secret is ever shown."""

import base64
from typing import Annotated

import pytest
from pydantic import Field, ValidationError, field_validator

from chassis.settings import (
    CommaList,
    DatabaseSettings,
    KafkaSettings,
    LineList,
    ObjectStoreSettings,
    PrincipalSettings,
    SecretKey,
    ServiceSettings,
    Settings,
    SettingsInvalid,
    describe,
    load_settings,
)


class Everything(ServiceSettings, DatabaseSettings, KafkaSettings, PrincipalSettings, ObjectStoreSettings):
    pass


GOOD = {
    "KUNDENPORTAL_HTTP_PORT": "8001",
    "KUNDENPORTAL_MANAGEMENT_PORT": "9001",
    "KUNDENPORTAL_DATABASE_URL": "postgresql://documents:geheim@127.0.0.1:5432/documents",
    "KUNDENPORTAL_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "KUNDENPORTAL_IDENTITY_URL": "http://127.0.0.1:8002/",
    "KUNDENPORTAL_S3_ENDPOINT": "http://127.0.0.1:9000",
    "KUNDENPORTAL_S3_ACCESS_KEY": "access",
    "KUNDENPORTAL_S3_SECRET_KEY": "geheim",
    "KUNDENPORTAL_S3_DOCUMENTS_BUCKET": "documents",
}


def problems(environ: dict[str, str], cls: type[Settings] = Everything) -> tuple[str, ...]:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(cls, environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_every_missing_variable_is_named_at_once() -> None:
    """An empty environment yields one sentence for each required variable, in order, and none for optional ones."""
    assert problems({}) == tuple(f"{name} is not set" for name in sorted(GOOD))


def test_missing_and_wrong_variables_are_named_together() -> None:
    """A wrong value does not hide another variable's absence."""
    environ = GOOD | {"KUNDENPORTAL_HTTP_PORT": "eighty", "KUNDENPORTAL_LOG_LEVEL": "loud"}
    del environ["KUNDENPORTAL_IDENTITY_URL"]
    named = [problem.split(" ", 1)[0] for problem in problems(environ)]
    assert named == ["KUNDENPORTAL_HTTP_PORT", "KUNDENPORTAL_IDENTITY_URL", "KUNDENPORTAL_LOG_LEVEL"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "-1"),
        ("HTTP_PORT", "65536"),
        ("HTTP_PORT", "80.5"),
        ("MANAGEMENT_PORT", "0x50"),
        ("DATABASE_URL", "mysql://u:geheim@host/db"),
        ("DATABASE_URL", "postgresql://u:geheim@host"),
        ("DATABASE_URL", "postgresql:///db"),
        ("DATABASE_URL", "postgresql://u:geheim@host:port/db"),
        ("DATABASE_URL", "postgresql://u:geheim@[::1/db"),
        ("DATABASE_URL", "postgresql://u:geheim/word@host/db"),
        ("DATABASE_POOL_SIZE", "0"),
        ("KAFKA_BOOTSTRAP", "broker"),
        ("KAFKA_BOOTSTRAP", "broker:99999"),
        ("KAFKA_BOOTSTRAP", "a:1,,b:2"),
        ("GROUP_INSTANCE_ID", "with space"),
        ("IDENTITY_URL", "127.0.0.1:8002"),
        ("IDENTITY_URL", "ftp://host"),
        ("IDENTITY_URL", "http://host:99999"),
        ("IDENTITY_URL", "http://host?token=geheim"),
        ("OTLP_ENDPOINT", "http://"),
        ("S3_DOCUMENTS_BUCKET", "Upper"),
        ("SHUTDOWN_SECONDS", "nan"),
        ("SHUTDOWN_SECONDS", "0"),
    ],
)
def test_a_wrong_value_is_named_and_never_shown(name: str, value: str) -> None:
    """The variable and the rule are told; the value, which may hold a password, is not."""
    (problem,) = problems(GOOD | {f"KUNDENPORTAL_{name}": value})
    assert problem.startswith(f"KUNDENPORTAL_{name} is wrong: ")
    assert "geheim" not in problem
    assert value not in problem.removeprefix(f"KUNDENPORTAL_{name}") or len(value) < 3


def test_an_empty_variable_counts_as_unset() -> None:
    """Compose files and charts pass empty strings for what nobody chose."""
    settings = load_settings(Everything, GOOD | {"KUNDENPORTAL_OTLP_ENDPOINT": "", "KUNDENPORTAL_LOG_LEVEL": " "})
    assert (settings.otlp_endpoint, settings.log_level) == (None, "info")
    assert problems(GOOD | {"KUNDENPORTAL_S3_SECRET_KEY": ""}) == ("KUNDENPORTAL_S3_SECRET_KEY is not set",)


def test_values_arrive_checked_and_plain() -> None:
    """Numbers are numbers, addresses lose their trailing slash, levels their case."""
    settings = load_settings(Everything, GOOD | {"KUNDENPORTAL_LOG_LEVEL": "DEBUG"})
    assert (settings.http_port, settings.identity_url, settings.log_level) == (8001, "http://127.0.0.1:8002", "debug")
    assert settings.database_url == GOOD["KUNDENPORTAL_DATABASE_URL"]
    assert (settings.http_host, settings.shutdown_seconds, settings.database_pool_size) == ("127.0.0.1", 20, 6)


def test_secrets_are_not_printed() -> None:
    """Neither repr nor str nor the table for people shows a password or key."""
    settings = load_settings(Everything, GOOD)
    assert "geheim" not in f"{settings!r} {settings} {describe(settings)}"
    assert describe(settings)["KUNDENPORTAL_S3_SECRET_KEY"] == "(set)"


def test_nothing_but_load_settings_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings built from keywords ignore the variables of the process."""
    monkeypatch.setenv("KUNDENPORTAL_IDENTITY_URL", "http://elsewhere:1")
    assert PrincipalSettings(identity_url="http://here:1").identity_url == "http://here:1"
    with pytest.raises(ValidationError):
        PrincipalSettings.model_validate({})


class Keys(Settings):
    key_encryption_key: SecretKey
    billing_sources: CommaList = ("billing/*",)
    code_word: Annotated[str, Field(repr=False, description="what the porter asks for")]

    @field_validator("code_word")
    @classmethod
    def _is_known(cls, value: str) -> str:
        raise ValueError(f"{value} is not known")


class Letterhead(Settings):
    brand_address: LineList = ()


@pytest.mark.parametrize(
    "value", ["Milchstraße 1; 10115 Berlin;", "Milchstraße 1\n10115 Berlin", r"Milchstraße 1\n10115 Berlin"]
)
def test_lines_are_told_apart_by_what_fits_into_a_variable(value: str) -> None:
    """A semicolon, a line break, or one that is written as two characters; a comma belongs to the line."""
    settings = load_settings(Letterhead, {"KUNDENPORTAL_BRAND_ADDRESS": value})
    assert settings.brand_address == ("Milchstraße 1", "10115 Berlin")
    assert load_settings(Letterhead, {"KUNDENPORTAL_BRAND_ADDRESS": "Hof 1, Haus 2"}).brand_address == (
        "Hof 1, Haus 2",
    )


@pytest.mark.parametrize("value", ["short", base64.b64encode(bytes(31)).decode(), "ä" * 44, "A" * 43])
def test_a_key_is_32_bytes_of_base64(value: str) -> None:
    """A key of another length or alphabet is refused without being repeated."""
    (problem, *_) = [text for text in problems({"KUNDENPORTAL_KEY_ENCRYPTION_KEY": value}, Keys) if "KEY_ENC" in text]
    assert "base64" in problem
    assert value not in problem


def test_a_service_s_own_message_cannot_leak_the_value() -> None:
    """A validator that repeats the value in its message does not get it onto the screen; what is missing is explained."""
    key = base64.b64encode(bytes(32)).decode()
    assert problems({"KUNDENPORTAL_KEY_ENCRYPTION_KEY": key, "KUNDENPORTAL_CODE_WORD": "geheim"}, Keys) == (
        "KUNDENPORTAL_CODE_WORD is wrong: … is not known",
    )
    assert problems({"KUNDENPORTAL_KEY_ENCRYPTION_KEY": key}, Keys) == (
        "KUNDENPORTAL_CODE_WORD is not set (what the porter asks for)",
    )
