"""A stored mail, taken apart for the page. Whatever its bytes are, this shows something and never raises."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

HEAD_BYTES = 64_000
SHOWN_HEADERS = ("From", "To", "Date", "Subject", "Message-ID", "X-MailFrom", "X-RcptTo")
SHOWN_CHARACTERS = 400_000


@dataclass(frozen=True)
class Part:
    """One part with content: `number` counts the leaves of the mail from 0."""

    number: int
    media_type: str
    file_name: str
    content: bytes
    charset: str
    is_attachment: bool

    @property
    def text(self) -> str:
        try:
            return self.content.decode(self.charset, "replace")[:SHOWN_CHARACTERS]
        except (LookupError, ValueError):
            return self.content.decode("utf-8", "replace")[:SHOWN_CHARACTERS]


@dataclass(frozen=True)
class Summary:
    """One line of the list."""

    name: str
    subject: str
    sender: str
    recipient: str
    arrived: datetime
    size: int


@dataclass(frozen=True)
class Mail:
    """One mail, opened."""

    summary: Summary
    headers: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]

    @property
    def plain(self) -> Part | None:
        return self._body("text/plain")

    @property
    def html(self) -> Part | None:
        return self._body("text/html")

    @property
    def attachments(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.is_attachment)

    def _body(self, media_type: str) -> Part | None:
        return next((part for part in self.parts if part.media_type == media_type and not part.is_attachment), None)


def summarize(file: Path) -> Summary:
    """The list's line, from the head of the file alone."""
    status = file.stat()
    with file.open("rb") as stored:
        head = message_from_bytes(stored.read(HEAD_BYTES), policy=policy.compat32)
    return Summary(
        name=file.name,
        subject=header(head, "Subject") or "(kein Betreff)",
        sender=header(head, "From") or header(head, "X-MailFrom"),
        recipient=header(head, "To") or header(head, "X-RcptTo"),
        arrived=datetime.fromtimestamp(status.st_mtime, UTC).astimezone(),
        size=status.st_size,
    )


def open_mail(file: Path) -> Mail:
    """All of it."""
    message = message_from_bytes(file.read_bytes(), policy=policy.compat32)
    shown = tuple((name, header(message, name)) for name in SHOWN_HEADERS if message[name] is not None)
    return Mail(summary=summarize(file), headers=shown, parts=tuple(_parts(message)))


def header(message: Message, name: str) -> str:
    """A header as a person reads it: decoded, on one line."""
    values = message.get_all(name) or []
    return ", ".join(_readable(str(value)) for value in values[:20])[:2000]


def _parts(message: Message) -> Iterator[Part]:
    leaves = (part for part in message.walk() if not part.is_multipart())
    for number, leaf in enumerate(leaves):
        content = leaf.get_payload(decode=True)
        media_type = leaf.get_content_type()
        file_name = _file_name(leaf)
        yield Part(
            number=number,
            media_type=media_type,
            file_name=file_name or f"teil-{number}",
            content=content if isinstance(content, bytes) else b"",
            charset=str(leaf.get_content_charset("utf-8")),
            is_attachment=bool(file_name) or media_type not in {"text/plain", "text/html"},
        )


def _file_name(part: Message) -> str:
    try:
        return _readable(part.get_filename() or "").replace("/", "_").replace("\\", "_")[:200]
    except (LookupError, ValueError, TypeError):
        return "anhang"


def _readable(value: str) -> str:
    try:
        decoded = str(make_header(decode_header(value)))
    except (LookupError, ValueError, TypeError):
        decoded = value
    return " ".join("".join(letter if letter.isprintable() else " " for letter in decoded).split())
