"""Mails from templates: `templates/<mail>/` is German; another language stands in a folder below, where there is one."""

from dataclasses import dataclass
from datetime import date, datetime
from email.utils import format_datetime, formataddr
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup

from notifier.adapters.mime_message import build, encoded_text, one_line, safe_file_name
from notifier.domain import Credential, Document, Person
from notifier.ports import DueMail, EncodedFile, MailUnsafe, Message

BERLIN = ZoneInfo("Europe/Berlin")
FILE_ENDINGS = {"application/pdf": ".pdf", "application/xml": ".xml"}


@dataclass(frozen=True, slots=True)
class Brand:
    """Who writes, as it is shown in the frame of each mail."""

    name: str
    company: str
    color: str
    phone: str
    phone_note: str
    hours: str
    address: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """The fixed From."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class JinjaMailWriter:
    """Renders, encodes and checks; the same delivery gives the same bytes on every try."""

    def __init__(self, *, sender: Sender, public_url: str, brand: Brand) -> None:
        self._sender = sender
        self._from = formataddr((sender.name, sender.address), "utf-8")
        self._public_url = public_url.rstrip("/")
        self._templates = _environment(brand)

    def write(
        self, mail: DueMail, *, secret: str | None = None, file: EncodedFile | None = None, too_large: bool = False
    ) -> Message:
        facts = self._facts(mail, secret) | {"attached": file is not None, "too_large": too_large}
        subject, text, html = (
            self._render(mail.purpose.value, mail.person.language, part, facts)
            for part in ("subject.txt", "body.txt", "body.html")
        )
        attachment = (file_name(mail.document), file) if file is not None and mail.document is not None else None
        chunks = build(self._headers(mail, subject), text=text, html=html, file=attachment)
        return Message(self._sender.address, mail.address, chunks)

    def _headers(self, mail: DueMail, subject: str) -> dict[str, str]:
        return {
            "From": self._from,
            "To": mail.address,
            "Subject": encoded_text(one_line(subject).replace("=?", "= ?")),
            "Date": format_datetime(mail.queued_at.astimezone(BERLIN)),
            "Message-ID": f"<{mail.ticket.delivery_id}@{self._sender.domain}>",
            "Auto-Submitted": "auto-generated",
            "MIME-Version": "1.0",
        }

    def _facts(self, mail: DueMail, secret: str | None) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "customer_number": mail.customer_number,
            "greeting": self._greeting(mail.person),
        }
        if mail.document is not None:
            return facts | self._document_facts(mail.document, mail.person.language)
        if mail.credential is not None and secret is not None:
            return facts | self._credential_facts(mail.credential, secret)
        raise MailUnsafe("the mail has nothing to say")

    def _document_facts(self, document: Document, language: str) -> dict[str, Any]:
        return {
            "document": document,
            "document_type": self._document_type(language, document.document_type),
            "link": f"{self._public_url}/dokumente/{document.document_id}",
        }

    def _credential_facts(self, credential: Credential, secret: str) -> dict[str, Any]:
        if not secret.isprintable() or not secret:
            raise MailUnsafe("the secret cannot stand on a line")
        return {"credential": credential, "secret": secret, "link": f"{self._public_url}/login"}

    def _greeting(self, person: Person) -> str:
        return one_line(self._render("", person.language, "greeting.txt", {"person": person}))

    @lru_cache(maxsize=64)  # noqa: B019 -- one writer lives as long as the process
    def _document_type(self, language: str, document_type: str) -> str:
        return one_line(self._render("", language, "document_type.txt", {"document_type": document_type}))

    def _render(self, mail: str, language: str, part: str, facts: dict[str, Any]) -> str:
        return self._template(f"{mail}/" if mail else "", language, part).render(facts)

    @lru_cache(maxsize=64)  # noqa: B019 -- one writer lives as long as the process
    def _template(self, folder: str, language: str, part: str) -> Template:
        return self._templates.select_template([f"{folder}{language}/{part}", f"{folder}{part}"])


def file_name(document: Document) -> str:
    return safe_file_name(document.document_number) + FILE_ENDINGS.get(document.media_type, "")


@cache
def _environment(brand: Brand) -> Environment:
    """Make one for all writers of this brand: it keeps every template that it has compiled."""
    environment = Environment(
        loader=PackageLoader("notifier", "templates"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["brand"] = brand
    environment.filters.update(day=_day, moment=_moment, money=_money, megabytes=_megabytes)
    return environment


def _shown(value: object) -> object:
    """Whatever a template writes out stays on its line."""
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _day(value: date) -> str:
    """Give the date in Berlin as 02.03.2018."""
    day = value.astimezone(BERLIN).date() if isinstance(value, datetime) else value
    return f"{day.day:02}.{day.month:02}.{day.year:04}"


def _moment(value: datetime) -> str:
    """Give date and time in Berlin as 02.03.2018, 14:05 Uhr."""
    return f"{_day(value)}, {value.astimezone(BERLIN):%H:%M} Uhr"


def _money(amount: str, currency: str | None) -> str:
    """Write 1234.5 EUR as 1.234,50 €."""
    whole, _, cents = amount.lstrip("-").partition(".")
    grouped = f"{int(whole):,}".replace(",", ".")
    unit = "€" if currency in {None, "EUR"} else currency
    return f"{'-' if amount.startswith('-') else ''}{grouped},{cents.ljust(2, '0')} {unit}"


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f}".replace(".", ",") + " MB"
