"""The bytes of a mail (RFC 5322, MIME), put together by hand: every header is planned, encoded here and read back.

Text parts are quoted-printable, so the whole mail is 7-bit and its lines are intact once decoded; the file's base64
lines go in as they were made once for everybody. Nothing that a person or a system wrote reaches a header unencoded.
"""

import binascii
import re
import struct
from collections.abc import Mapping
from urllib.parse import quote

from notifier.ports import EncodedFile, MailUnsafe

ENCODED_WORD = re.compile(r"=\?")
HEADER_LINE = re.compile(r"[\x20-\x7e]*(\r\n [\x21-\x7e][\x20-\x7e]*)*")
PART_HEADERS = frozenset({b"Content-Type", b"Content-Transfer-Encoding", b"Content-Disposition"})
NOT_IN_FILE_NAMES = re.compile(r'[/\\<>:"|?*]')
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
NAME = re.compile(rb"(?m)^([^\s:]+)[ \t]*:")
WORD_BYTES = 42  # of UTF-8 in one encoded word, so that it fits a line of 76 characters behind its header's name
# Neither quoted-printable nor base64 ever has `=_`, so the boundaries need no chance.
ALTERNATIVE, MIXED = "=_alternative", "=_mixed"
PIECE = 54
LINE = 76
MOST_IN_LINE = 998
# How many headers each section has: text, HTML, the end of the alternative; around that, the wrapping and the file.
SHAPE_OF_A_NOTICE = [2, 2, 0]
SHAPE_WITH_A_FILE = [1, *SHAPE_OF_A_NOTICE, 3, 0]


def one_line(text: str) -> str:
    """The text as it may be shown on a line: nothing that moves the cursor, turns the reading order or hides."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return text.strip()


def encoded_text(text: str) -> str:
    """A header's value for free text, as encoded words throughout, whatever the text looks like.

    Raises MailUnsafe for control characters and for what already looks encoded: a reader that decodes twice would act
    on it.
    """
    if not text.isprintable() or ENCODED_WORD.search(text):
        raise MailUnsafe("a header text has control characters or an encoded word")
    if text.isascii() and len(text) <= PIECE:
        return text
    words = [""]
    for char in text:
        if len((words[-1] + char).encode()) > WORD_BYTES:
            words.append("")
        words[-1] += char
    return "\r\n ".join(f"=?utf-8?b?{binascii.b2a_base64(word.encode(), newline=False).decode()}?=" for word in words)


def file_name_parameter(name: str) -> str:
    """The `filename` of a Content-Disposition: plain where it is, else by RFC 2231, in pieces where it is long."""
    if not name.isprintable() or NOT_IN_FILE_NAMES.search(name) or ENCODED_WORD.search(name):
        raise MailUnsafe("a file name has characters that no file name has")
    if name.isascii() and len(name) <= PIECE:
        return f'\r\n filename="{name}"'
    quoted = [quote(char, safe="") for char in name]
    pieces = [""]
    for char in quoted:
        if len(pieces[-1]) + len(char) > PIECE:
            pieces.append("")
        pieces[-1] += char
    if len(pieces) == 1:
        return f"\r\n filename*=utf-8''{pieces[0]}"
    numbered = [f"\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces)]
    numbered[0] = f"\r\n filename*0*=utf-8''{pieces[0]}"
    return ";".join(numbered)


def safe_file_name(name: str) -> str:
    """A name that every system can store: no path, no device, no hidden file."""
    name = NOT_IN_FILE_NAMES.sub("_", one_line(name)).replace("=?", "=_").strip(". ")
    return name or "Dokument"


def build(
    headers: Mapping[str, str],
    *,
    text: str,
    html: str,
    file: tuple[str, EncodedFile] | None = None,
) -> tuple[bytes, ...]:
    """Give the mail as chunks ready for DATA: CRLF everywhere, dots stuffed, the file's lines not copied.

    `headers` are finished values, in the order in which they go out.
    """
    alternative = _alternative(text, html)
    if file is None:
        head = _lines(headers) + alternative
        return _checked(headers, head)
    name, content = file
    head = (
        _lines(headers)
        + f'Content-Type: multipart/mixed;\r\n boundary="{MIXED}"\r\n\r\n--{MIXED}\r\n'.encode("ascii")
        + alternative
        + f"\r\n--{MIXED}\r\n".encode("ascii")
        + _lines(
            {
                "Content-Type": content.media_type,
                "Content-Transfer-Encoding": "base64",
                "Content-Disposition": "attachment;" + file_name_parameter(name),
            }
        )
        + b"\r\n"
    )
    tail = f"\r\n--{MIXED}--\r\n".encode("ascii")
    return _checked(headers, head, content.lines, tail)


def _alternative(text: str, html: str) -> bytes:
    parts = b"".join(
        f"--{ALTERNATIVE}\r\nContent-Type: {kind}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode("ascii")
        + quoted_printable(body)
        + b"\r\n"
        for kind, body in (("text/plain", text), ("text/html", html))
    )
    return (
        f'Content-Type: multipart/alternative;\r\n boundary="{ALTERNATIVE}"\r\n\r\n'.encode("ascii")
        + parts
        + f"--{ALTERNATIVE}--\r\n".encode("ascii")
    )


def quoted_printable(text: str) -> bytes:
    """Encode the lines as they stand, CRLF between them, without control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    clean = CONTROL.sub(" ", lines)
    return binascii.b2a_qp(clean.encode("utf-8", "replace"), istext=True).replace(b"\n", b"\r\n")


def _lines(headers: Mapping[str, str]) -> bytes:
    for value in headers.values():
        if not HEADER_LINE.fullmatch(value) or any(len(line) > MOST_IN_LINE for line in value.split("\r\n")):
            raise MailUnsafe("a header value is not finished")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


def _checked(
    headers: Mapping[str, str], head: bytes, file: bytes | None = None, tail: bytes = b""
) -> tuple[bytes, ...]:
    """Read the finished bytes back: only the planned headers, only the planned parts, every line ended by CRLF.

    The file's lines are base64 of our own, in which nothing can hide; they are neither read nor copied.
    """
    first, *parts = [_header_names(section) for section in (head + tail).split(b"\n--=_")]
    planned = [name.encode("ascii") for name in (*headers, "Content-Type")]
    foreign = {name for names in parts for name in names} - PART_HEADERS
    shape = SHAPE_OF_A_NOTICE if file is None else SHAPE_WITH_A_FILE
    line_ends = {(head + tail).count(end) for end in (b"\r", b"\n", b"\r\n")}
    if first != planned or foreign or [len(names) for names in parts] != shape or len(line_ends) != 1:
        raise MailUnsafe("the finished mail has headers or parts that nobody planned")
    stuffed = head.replace(b"\n.", b"\n..")
    return (stuffed,) if file is None else (stuffed, file, tail)


def _header_names(section: bytes) -> list[bytes]:
    """The names in the header block that a section begins with, behind the rest of its boundary's line."""
    block, _, _ = section.partition(b"\r\n\r\n")
    return NAME.findall(block)


def lines_of(content: bytes) -> bytes:
    """Base64 in lines of 76 characters with CRLF, as RFC 2045 wants it."""
    text = binascii.b2a_base64(content, newline=False)
    whole = len(text) // LINE * LINE
    lines = [line for (line,) in struct.iter_unpack(f"{LINE}s", text[:whole])]
    if whole < len(text):
        lines.append(text[whole:])
    return b"\r\n".join([*lines, b""])
