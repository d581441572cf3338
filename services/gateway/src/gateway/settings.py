"""Every variable the gateway reads. What is wrong here ends the start, never a request."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator

from chassis.settings import HttpUrl, LineList, ServiceSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class BrandSettings(ServiceSettings):
    """Who runs the portal and how it looks; the texts stand in the frame of every page."""

    brand_name: str = "Kundenportal"
    brand_company: str = "SecAnim"
    brand_color: str = "#2c7a3f"
    brand_logo: Path | None = None
    brand_phone: str = "0180 209 0 209"
    brand_phone_note: str = "Festnetzpreis 6 ct/Anruf, Mobilfunkpreis max. 42 ct/Min."
    brand_hours: str = "Mo-Fr 07:00-18:00"
    brand_email: str | None = None
    brand_address: LineList = ()
    brand_representative: str | None = None
    brand_register: str | None = None
    brand_vat_id: str | None = None
    legal_dir: Path | None = None

    @field_validator("brand_color")
    @classmethod
    def _six_digits(cls, value: str) -> str:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise ValueError("a colour is written #rrggbb")
        return value.lower()

    @field_validator("brand_logo")
    @classmethod
    def _picture(cls, value: Path | None) -> Path | None:
        if value is not None and (value.suffix not in {".svg", ".png"} or not value.is_file()):
            raise ValueError("the logo is a readable .svg or .png file")
        return value

    @field_validator("legal_dir")
    @classmethod
    def _folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError("the folder of legal texts does not exist")
        return value


class GatewaySettings(BrandSettings):
    public_url: str
    identity_url: HttpUrl
    documents_url: HttpUrl
    notifier_url: HttpUrl
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_split)] = ()
    upstream_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0

    @field_validator("public_url")
    @classmethod
    def _https_or_loopback(cls, value: str) -> str:
        """Give the origin; a session cookie without Secure is for this machine alone."""
        parts = urlsplit(value.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            raise ValueError("an address such as https://portal.example")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError("an address without a path: the portal lives at the root")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("http is for a loopback host only; use https")
        return origin_of(value.strip())


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(url: str) -> str:
    """Scheme, host and port as a browser writes them in `Origin`: lower case, no default port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode("ascii") if ":" not in (parts.hostname or "") else None
    name = host if host is not None else f"[{parts.hostname}]"
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{name}" + (f":{parts.port}" if parts.port not in {None, default} else "")
