"""The bytes of a mail: only planned headers whatever the text, file names that survive, lines that stay whole."""

import hashlib
import quopri
import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.adapters.mime_message import (
    build,
    encoded_text,
    file_name_parameter,
    lines_of,
    one_line,
    quoted_printable,
    safe_file_name,
)
from notifier.domain import encoded_size
from notifier.ports import EncodedFile, MailUnsafe

PITFALL = "=?utf-8?q?hi=0D=0ABcc:_e@x.y?="
HEADERS = {"From": "a@b.example", "To": "c@d.example", "Message-ID": "<1@b.example>", "MIME-Version": "1.0"}


def mail(
    subject: str = "Rechnung", text: str = "Text", html: str = "<p>", file: tuple[str, EncodedFile] | None = None
) -> bytes:
    headers = HEADERS | {"Subject": encoded_text(subject)}
    return b"".join(build(headers, text=text, html=html, file=file))


def read(raw: bytes) -> EmailMessage:
    """As a mail server hands it on: the dots that were stuffed taken out again."""
    return message_from_bytes(raw.replace(b"\r\n..", b"\r\n."), policy=policy.default)


@pytest.mark.parametrize("text", ["a\r\nBcc: e@x.y", "a\nb", "a\rb", "a\x00b", PITFALL, "a\u2028b", "=?", "a\x85b"])
def test_a_header_refuses_line_ends_and_encoded_words(text: str) -> None:
    """Neither the reader's first nor its second decoding may find a header."""
    with pytest.raises(MailUnsafe):
        encoded_text(text)


@pytest.mark.parametrize("value", ["a\r\nBcc: x", "a\r\n\r\nb", "a\nb", "ü", "a\x00", "a\r\n ", "x" * 1000])
def test_an_unfinished_header_value_is_refused(value: str) -> None:
    """`build` takes finished values alone: ASCII, folded as headers are, no line too long."""
    with pytest.raises(MailUnsafe):
        build(HEADERS | {"Subject": value}, text="", html="")


@pytest.mark.parametrize("name", ["a\r\nb.pdf", "a/b.pdf", 'a".pdf', "a\\b.pdf", PITFALL, "a\x00.pdf"])
def test_a_file_name_refuses_what_no_file_name_has(name: str) -> None:
    """Quotes, paths and line ends never reach the header."""
    with pytest.raises(MailUnsafe):
        file_name_parameter(name)


@pytest.mark.parametrize(
    "name",
    ["R1.pdf", "Rechnung ü ł €.pdf", "Łęg's; a=b.pdf", "ł" * 64 + ".pdf", "a" * 120 + ".pdf", "日本 %41 'x'.xml"],
)
def test_a_file_name_comes_back_as_it_was(name: str) -> None:
    """By RFC 2231, in pieces where it is long, with ü, ł and €."""
    raw = mail(file=(name, EncodedFile(lines_of(b"x"), "application/pdf")))
    [part] = read(raw).iter_attachments()
    assert part.get_filename() == name
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78


@pytest.mark.parametrize("subject", ["Rechnung R1 vom 02.03.2018 – Kunde 4711", "ł" * 200, "x" * 300, "Öl €"])
def test_a_subject_comes_back_as_it_was(subject: str) -> None:
    """In encoded words, none of them longer than a line."""
    raw = mail(subject)
    assert read(raw)["Subject"] == subject
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 1000, 100_001])
def test_a_file_comes_back_byte_for_byte(size: int) -> None:
    """And it takes as many bytes as was foreseen."""
    content = hashlib.shake_128(b"seed").digest(size)
    lines = lines_of(content)
    assert len(lines) == encoded_size(size)
    raw = mail(file=("R1.pdf", EncodedFile(lines, "application/pdf")))
    [part] = read(raw).iter_attachments()
    assert part.get_payload(decode=True) == content
    assert part.get_content_type() == "application/pdf"


def test_dots_are_stuffed_and_no_line_end_is_bare() -> None:
    """No line of a text can end the mail before its end (SMTP smuggling)."""
    text = "eins\n.\n.zwei\r\n.\r\rdrei\n..\n\r.\r\n"
    raw = mail(text=text)
    assert b"\r\n.\r\n" not in raw
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert not re.search(rb"(?m)^\.(?!\.)", raw)
    body = read(raw).get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == ["eins", ".", ".zwei", ".", "", "drei", "..", "", "."]


def test_lines_with_facts_stay_alone_on_their_lines() -> None:
    """However long, a decoded line is one line."""
    lines = ["Benutzername: s8u8i1", "Initialpasswort: a=b=3D " + "x" * 200, "https://portal.example/" + "y" * 300]
    body = read(mail(text="\n".join(lines))).get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == lines


HOSTILE = st.one_of(
    st.text(max_size=120),
    st.text(alphabet="\r\n\t :=?.-_ABCbcQq@<>\"'\\\x00\x1b\u2028\u202eü€", max_size=120),
    st.sampled_from([PITFALL, "\r\n.\r\nMAIL FROM:<x@y>", "--=_alternative--\r\nBcc: x@y", "a\r\n\r\n<script>"]),
)


@settings(max_examples=30, deadline=None)
@given(subject=HOSTILE, text=HOSTILE, html=HOSTILE, name=HOSTILE)
def test_hostile_text_never_becomes_a_header(subject: str, text: str, html: str, name: str) -> None:
    """Whatever the texts are, every reader finds the planned headers, the planned parts and the whole file."""
    file = (safe_file_name(name) + ".pdf", EncodedFile(lines_of(b"%PDF-1.7"), "application/pdf"))
    raw = mail(one_line(subject).replace("=?", "= ?"), text, html, file)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|[^\x09\x0a\x0d\x20-\x7e]|\r\n\.[^.]", raw)
    for rules in (policy.default, policy.SMTP, policy.compat32):
        found = message_from_bytes(raw.replace(b"\r\n..", b"\r\n."), policy=rules)
        assert found.keys() == [*HEADERS, "Subject", "Content-Type"]
        kinds = [part.get_content_type() for part in found.walk()]
        assert kinds == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf"]
        again = message_from_bytes(found.as_bytes(), policy=rules)
        assert again.keys() == found.keys()


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_quoted_printable_keeps_every_line(text: str) -> None:
    """Decoded, the text has the lines it had; what cannot be shown is a space."""
    decoded = quopri.decodestring(quoted_printable(text)).decode("utf-8")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert [len(line) for line in decoded.split("\r\n")] == [len(line) for line in lines]


@given(st.text(max_size=100))
def test_a_safe_file_name_is_always_taken(name: str) -> None:
    """No path, no hidden file, never empty."""
    safe = safe_file_name(name)
    file_name_parameter(safe)
    assert safe
    assert not safe.startswith(".")
