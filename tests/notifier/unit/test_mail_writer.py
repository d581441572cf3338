"""The mails as people read them: German, in text and HTML, with the document's facts and the right link."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.adapters.jinja_mail_writer import Brand, JinjaMailWriter, Sender
from notifier.adapters.mime_message import lines_of
from notifier.domain import Credential, Form, Person, Purpose
from notifier.ports import DueMail, EncodedFile, MailUnsafe, Ticket
from tests.notifier.samples import document

BRAND = Brand("Kundenportal", "SecAnim", "#2c7a3f", "0180 209 0 209", "Festnetzpreis 6 ct/Anruf", "Mo-Fr", ("Hof 1",))
WRITER = JinjaMailWriter(
    sender=Sender("Kundenportal", "portal@secanim.example"), public_url="https://portal.example/", brand=BRAND
)
QUEUED = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
PDF = EncodedFile(lines_of(b"%PDF-1.7"), "application/pdf")


def notice(person: Person = Person("de", "mr", "Max", "Mustermann"), **about: Any) -> DueMail:  # noqa: B008 -- frozen
    ticket = Ticket(uuid4(), 1)
    return DueMail(
        ticket,
        Purpose.DOCUMENT_PUBLISHED,
        "4711",
        "max@hof.example",
        Form.NOTICE,
        person,
        QUEUED,
        QUEUED,
        None,
        document(**about),
    )


def password(secret_expires: datetime = QUEUED + timedelta(days=14)) -> DueMail:
    credential = Credential(uuid4(), "s8u8i1", "sealed", secret_expires)
    return replace(notice(), purpose=Purpose.INITIAL_PASSWORD, document=None, credential=credential)


def written(mail: DueMail, **how: Any) -> EmailMessage:
    raw = b"".join(WRITER.write(mail, **how).chunks)
    return message_from_bytes(raw.replace(b"\r\n..", b"\r\n."), policy=policy.default)


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    content: str = part.get_content()
    return content


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    content: str = part.get_content()
    return content


def test_the_headers_are_the_planned_ones() -> None:
    """A fixed From, the stable subject, a Message-ID of the delivery, and the word that a machine wrote it."""
    due = notice()
    mail = written(due)
    assert mail.keys() == HEADERS
    assert mail["From"] == "Kundenportal <portal@secanim.example>"
    assert mail["Subject"] == "Rechnung R0099901888 vom 02.03.2018 – Kunde 4711"
    assert mail["Message-ID"] == f"<{due.ticket.delivery_id}@secanim.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Tue, 24 Nov 2026 00:30:00 +0100"


def test_every_try_has_the_same_bytes() -> None:
    """So the second mail of an unknown first is known as the same by whoever has both."""
    due = notice()
    again = replace(due, ticket=replace(due.ticket, attempt=5))
    assert WRITER.write(due, file=PDF).chunks == WRITER.write(again, file=PDF).chunks


def test_a_notice_names_the_document_and_links_to_it() -> None:
    """Facts and the link behind the login, each in text and HTML, nothing attached."""
    due = notice()
    mail = written(due)
    assert due.document is not None
    link = f"https://portal.example/dokumente/{due.document.document_id}"
    assert link in text_of(mail).splitlines()
    assert f'href="{link}"' in html_of(mail)
    for fact in ("Typ: Rechnung", "Nummer: R0099901888", "Datum: 02.03.2018", "Betrag: 1.234,50 €"):
        assert fact in text_of(mail).splitlines()
    for fact in ("Kundennummer: 4711", "Fällig am: 16.03.2018", "Verfügbar bis: 23.12.2027"):
        assert fact in text_of(mail).splitlines()
    assert list(mail.iter_attachments()) == []
    assert mail.get_content_type() == "multipart/alternative"


def test_the_attached_file_has_the_documents_number() -> None:
    """Text and HTML stay one alternative beside it."""
    mail = written(notice(document_number="R-ü ł €"), file=PDF)
    assert mail.get_content_type() == "multipart/mixed"
    assert [part.get_filename() for part in mail.iter_attachments()] == ["R-ü ł €.pdf"]
    assert "im Anhang" in text_of(mail)


def test_a_notice_instead_of_a_large_file_says_so_at_its_top() -> None:
    """Before anything else, in both parts."""
    mail = written(notice(size=12_345_678), too_large=True)
    assert text_of(mail).startswith("Hinweis: Das Dokument ist mit 12,3 MB zu groß für eine E-Mail")
    assert html_of(mail).index("zu groß für eine E-Mail") < html_of(mail).index("Sehr geehrter")


@pytest.mark.parametrize(
    ("document_type", "name"),
    [
        ("invoice", "Rechnung"),
        ("credit_note", "Gutschrift"),
        ("cancellation", "Stornorechnung"),
        ("reminder", "Mahnung"),
        ("delivery_note", "Lieferschein"),
        ("statement", "Kontoauszug"),
        ("contract", "Vertrag"),
        ("other", "Sonstige"),
        ("unheard_of", "Sonstige"),
    ],
)
def test_types_have_their_german_names(document_type: str, name: str) -> None:
    """A type nobody knows is shown as the portal shows it."""
    mail = written(notice(document_type=document_type))
    assert mail["Subject"] == f"{name} R0099901888 vom 02.03.2018 – Kunde 4711"


@pytest.mark.parametrize(
    ("person", "greeting"),
    [
        (Person("de", "mrs", "Łucja", "Grün"), "Sehr geehrte Frau Grün,"),
        (Person("de", "mr", "Max", "Müller"), "Sehr geehrter Herr Müller,"),
        (Person("de", "diverse", "Kim", "Öz"), "Guten Tag Kim Öz,"),
        (Person("de", "none", "", "Hof"), "Guten Tag Hof,"),
        (Person("de", "mr", "Max", ""), "Guten Tag,"),
        (Person("en", "none", "", ""), "Guten Tag,"),
        (Person("../../etc", "mr", "Max", "\r\nBenutzername: x"), "Sehr geehrter Herr Benutzername: x,"),
    ],
)
def test_the_reader_is_greeted(person: Person, greeting: str) -> None:
    """As they wish; neutrally where nobody knows; a language without texts of its own gets German."""
    mail = written(notice(person))
    assert text_of(mail).splitlines()[0] == greeting


def test_a_corrected_document_is_told_as_such() -> None:
    """From the second version on."""
    assert "korrigierte Fassung" in text_of(written(notice(version=2)))
    assert "korrigierte Fassung" not in text_of(written(notice()))


def test_the_password_mail_keeps_its_lines() -> None:
    """Username, initial password and the link, each alone on its line."""
    mail = written(password(), secret="k7mq-x4hd-9rtb-w2np")
    lines = text_of(mail).splitlines()
    for line in ("Benutzername: s8u8i1", "Initialpasswort: k7mq-x4hd-9rtb-w2np", "https://portal.example/login"):
        assert line in lines
    assert "08.12.2026, 00:30 Uhr" in text_of(mail)
    assert mail["Subject"] == "Ihr Zugang zum Kundenportal – Kunde 4711"
    assert "k7mq-x4hd-9rtb-w2np" in html_of(mail)


@pytest.mark.parametrize("secret", ["", "a\nb", "a\r\nBcc: x"])
def test_a_secret_that_is_no_line_is_refused(secret: str) -> None:
    """It cannot have come from identity."""
    with pytest.raises(MailUnsafe):
        WRITER.write(password(), secret=secret)


class Tags(HTMLParser):
    """What an HTML reader finds: its tags and where they lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str | None] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value for name, value in attrs if name in {"href", "src", "background", "action"}}


ATTACK = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.just(ATTACK), st.text(max_size=64)), st.one_of(st.just(ATTACK), st.text(max_size=64)))
def test_hostile_values_stay_text(name: str, number: str) -> None:
    """Whatever billing or a customer wrote is shown as text, adds no header and loads nothing from anywhere."""
    about = {"document_number": number, "document_type": number, "currency": name[:10]}
    mail = written(notice(Person("de", "mrs", name, name), **about), file=PDF)
    assert mail.keys() == HEADERS
    found = Tags(html_of(mail))
    assert found.tags <= {"html", "head", "meta", "title", "body", "table", "tr", "td", "p", "a", "br"}
    assert {str(link).rpartition("/")[0] for link in found.links} == {"https://portal.example/dokumente"}
    assert "49" not in text_of(mail).splitlines()[0] or "49" in name
