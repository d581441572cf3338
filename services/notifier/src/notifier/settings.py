"""Every variable the notifier reads."""

import json
from email.utils import parseaddr
from typing import Annotated, Literal

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import AfterValidator, Field

from chassis.settings import (
    DatabaseSettings,
    HttpUrl,
    KafkaSettings,
    LineList,
    ObjectStoreSettings,
    Port,
    PrincipalSettings,
    Secret,
    ServiceSettings,
)

MOST_KEYS = 2


def _sender(value: str) -> str:
    name, address = parseaddr(value)
    if not value.isprintable() or address.count("@") != 1 or not address.isascii() or " " in address:
        raise ValueError("must be an address such as Kundenportal <kundenportal@example.com>")
    if "=?" in name:
        raise ValueError("must have its name as plain text")
    return value


def _private_keys(value: str) -> str:
    """Take one key or, during a rotation, two; say what is wrong without showing any of it."""
    try:
        keys = KeySet.import_key_set(json.loads(value)).keys
        fit = all(key.is_private and key.key_type == "EC" and key.kid for key in keys)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError('must be a JWK set: {"keys": [...]}') from None
    if not fit or not 1 <= len(keys) <= MOST_KEYS:
        raise ValueError("must hold one or two private EC keys, each with a kid")
    return value


class BrandSettings(ServiceSettings):
    """Who runs the portal and how its mails look."""

    brand_name: str = "Kundenportal"
    brand_company: str = "SecAnim"
    brand_color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#2c7a3f"
    brand_phone: str = "0180 209 0 209"
    brand_phone_note: str = "Festnetzpreis 6 ct/Anruf, Mobilfunkpreis max. 42 ct/Min."
    brand_hours: str = "Mo-Fr 07:00-18:00"
    brand_address: LineList = ()


class NotifierSettings(BrandSettings, DatabaseSettings, KafkaSettings, PrincipalSettings, ObjectStoreSettings):
    database_pool_size: Annotated[int, Field(ge=4, le=100)] = 8
    public_url: HttpUrl
    smtp_host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]
    smtp_port: Port
    smtp_from: Annotated[str, AfterValidator(_sender)] = "Kundenportal <kundenportal@localhost>"
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_connections: Annotated[int, Field(ge=1, le=100)] = 8
    notifier_private_keys: Annotated[Secret, AfterValidator(_private_keys), Field(repr=False)]
    max_mail_bytes: Annotated[int, Field(ge=10_000)] = 10_000_000
    suppress_after_days: Annotated[int, Field(ge=1, le=365)] = 7
    waiting_days: Annotated[int, Field(ge=1, le=365)] = 30
