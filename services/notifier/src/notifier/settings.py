"""Every variable the notifier reads."""

from email.utils import parseaddr
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from chassis.settings import (
    CommaList,
    DatabaseSettings,
    HttpUrl,
    KafkaSettings,
    ObjectStoreSettings,
    Port,
    PrincipalSettings,
    Secret,
    ServiceSettings,
)


def _sender(value: str) -> str:
    name, address = parseaddr(value)
    if not value.isprintable() or address.count("@") != 1 or not address.isascii() or " " in address:
        raise ValueError("must be an address such as Kundenportal <kundenportal@example.com>")
    if "=?" in name:
        raise ValueError("must have its name as plain text")
    return value


class BrandSettings(ServiceSettings):
    """Who runs the portal and how its mails look."""

    brand_name: str = "Kundenportal"
    brand_company: str = "SecAnim"
    brand_color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#2c7a3f"
    brand_phone: str = "0180 209 0 209"
    brand_phone_note: str = "Festnetzpreis 6 ct/Anruf, Mobilfunkpreis max. 42 ct/Min."
    brand_hours: str = "Mo-Fr 07:00-18:00"
    brand_address: CommaList = ()


class NotifierSettings(BrandSettings, DatabaseSettings, KafkaSettings, PrincipalSettings, ObjectStoreSettings):
    public_url: HttpUrl
    smtp_host: str
    smtp_port: Port
    smtp_from: Annotated[str, AfterValidator(_sender)] = "Kundenportal <kundenportal@localhost>"
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_connections: Annotated[int, Field(ge=1, le=100)] = 8
    notifier_private_keys: Secret
    max_mail_bytes: Annotated[int, Field(ge=10_000)] = 10_000_000
    suppress_after_days: Annotated[int, Field(ge=1, le=365)] = 7
    waiting_days: Annotated[int, Field(ge=1, le=365)] = 30
