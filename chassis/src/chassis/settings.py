"""What a service reads from its environment, checked at start: every missing or wrong variable is named at once.

Nothing but `load_settings` looks at the environment; a test builds settings from keywords. Secrets are never printed.
"""

import base64
import binascii
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "KUNDENPORTAL_"


class SettingsInvalid(Exception):
    """The environment cannot be used. `problems` has one sentence for each variable, without any secret's value."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def _parts(value: str) -> SplitResult | None:
    """Split an address; None where it is none. The library's own messages would repeat parts of it."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None


def _http_url(value: str) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
        raise ValueError("must be an address such as http://host:port")
    return value.rstrip("/")


def _postgresql_url(value: str) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError("must be postgresql://user:password@host:port/database")
    return value


def _bootstrap(value: str) -> str:
    for server in value.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:  # noqa: PLR2004 - the highest TCP port is known
            raise ValueError("must be host:port, several with commas between them")
    return value


def _key_of_32_bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        key = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None
    if len(key) != 32:  # noqa: PLR2004 - the length that the message names
        raise ValueError("must be 32 bytes in base64, as `openssl rand -base64 32` prints them")
    return key


def _comma_list(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _line_list(value: object) -> object:
    if isinstance(value, str):
        return tuple(line.strip() for line in re.split(r"\\n|\n|;", value) if line.strip())
    return value


Port = Annotated[int, Field(ge=0, le=65535)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Secret = Annotated[str, Field(min_length=1, repr=False)]
SecretKey = Annotated[bytes, BeforeValidator(_key_of_32_bytes), Field(repr=False)]
CommaList = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
LineList = Annotated[tuple[str, ...], BeforeValidator(_line_list)]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]


class Settings(BaseSettings):
    """The base of all of them. Frozen; unknown keywords are refused; built from keywords alone."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's, here and below
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


class ServiceSettings(Settings):
    http_host: str = "127.0.0.1"
    http_port: Port
    management_host: str = "127.0.0.1"
    management_port: Port
    log_level: LogLevel = "info"
    otlp_endpoint: HttpUrl | None = None
    shutdown_seconds: Annotated[float, Field(gt=0, le=300)] = 20


class DatabaseSettings(Settings):
    database_url: Annotated[str, AfterValidator(_postgresql_url), Field(repr=False)]
    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 6


class KafkaSettings(Settings):
    kafka_bootstrap: Annotated[str, AfterValidator(_bootstrap)]
    group_instance_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] | None = None
    kafka_ca_file: Path | None = None
    kafka_cert_file: Path | None = None
    kafka_key_file: Path | None = None


class PrincipalSettings(Settings):
    identity_url: HttpUrl


class ObjectStoreSettings(Settings):
    s3_endpoint: HttpUrl
    s3_access_key: Annotated[str, Field(min_length=1)]
    s3_secret_key: Secret
    s3_region: str = "us-east-1"
    s3_documents_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


S = TypeVar("S", bound=Settings)


def load_settings(cls: type[S], environ: Mapping[str, str] = os.environ) -> S:
    """Read the variables of `cls`, `KUNDENPORTAL_<FIELD>` each; an empty one counts as unset.

    Raises SettingsInvalid, which names every missing and every wrong variable, not only the first.
    """
    given = {}
    for name in cls.model_fields:
        value = environ.get(variable(name), "").strip()
        if value:
            given[name] = value
    try:
        return cls.model_validate(given)
    except ValidationError as error:
        raise SettingsInvalid(_explain(cls.model_fields, given, error)) from None


def variable(field: str) -> str:
    """Name the variable that sets a field."""
    return PREFIX + field.upper()


def _explain(fields: Mapping[str, FieldInfo], given: Mapping[str, str], error: ValidationError) -> list[str]:
    sentences: dict[str, str] = {}
    for details in error.errors(include_url=False, include_context=False):
        name = str(details["loc"][0]) if details["loc"] else ""
        sentences.setdefault(name, _sentence(name, fields.get(name), given.get(name, ""), details))
    return [sentences[name] for name in sorted(sentences)]


def _sentence(name: str, field: FieldInfo | None, value: str, details: ErrorDetails) -> str:
    if details["type"] == "missing":
        meaning = f" ({field.description})" if field and field.description else ""
        return f"{variable(name)} is not set{meaning}"
    reason = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if value and value in reason:
        reason = reason.replace(value, "…")
    return f"{variable(name) if name else 'settings'} is wrong: {reason}"


def describe(settings: Settings) -> dict[str, Any]:
    """Give the values by variable name, for people; a secret is shown as set, never as itself."""
    fields = type(settings).model_fields
    return {variable(name): getattr(settings, name) if field.repr else "(set)" for name, field in fields.items()}
