"""What an operator's terminal shows of a letter: escaped, cut, and without secrets, whatever the bytes are."""

import json
from datetime import datetime
from typing import Any

from chassis.dead_letters.desk import handled_words
from chassis.dead_letters.letters import Letter
from chassis.redaction import HIDDEN, is_secret_name, redact, redact_text

VALUE_LENGTH = 2000
FIELD_LENGTH = 300


def plain(data: bytes | str | None, length: int = FIELD_LENGTH) -> str:
    """One line: what is not UTF-8 or not printable as an escape, secrets hidden, the rest cut off."""
    if data is None:
        return "null"
    text = data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")
    text = "".join(each if each.isprintable() else _escape(each) for each in redact_text(text))
    return text if len(text) <= length else f"{text[:length]}… ({len(text) - length} characters more)"


def value_text(value: bytes | None) -> str:
    """The value: as JSON where it is some, so that secrets are found by the names of their fields."""
    if value is None:
        return "null"
    try:
        return plain(json.dumps(redact(json.loads(value)), ensure_ascii=False), VALUE_LENGTH)
    except (ValueError, RecursionError):
        return plain(value, VALUE_LENGTH)


def details(letter: Letter, value: bytes | None) -> list[tuple[str, str]]:
    """Everything about one letter, field by field."""
    note = letter.note
    return [
        ("letter", str(letter.place)),
        ("state", plain(handled_words(note)) if note else "open"),
        ("reason", plain(letter.reason)),
        ("origin", plain(str(letter.origin)) if letter.origin else "unknown"),
        ("written", time_text(letter.written_at)),
        ("trace_id", letter.trace_id or "unknown"),
        ("key", plain(letter.key)),
        *((f"header {plain(name)}", _header(name, data)) for name, data in letter.headers),
        ("bytes", "null" if letter.size is None else str(letter.size)),
        ("truncated", "no" if letter.truncated is None else plain(letter.truncated)),
        ("value", value_text(value)),
    ]


def summary(letter: Letter) -> dict[str, Any]:
    """One letter for machines; everything that came from outside is text that was made plain."""
    note = letter.note
    return {
        "letter": str(letter.place),
        "state": note.action if note else "open",
        "reason": plain(letter.reason),
        "topic": plain(letter.origin.topic) if letter.origin else None,
        "partition": letter.origin.partition if letter.origin else None,
        "offset": letter.origin.offset if letter.origin else None,
        "trace_id": letter.trace_id,
        "written_at": letter.written_at.isoformat() if letter.written_at else None,
        "key": None if letter.key is None else plain(letter.key),
        "bytes": letter.size,
        "truncated": None if letter.truncated is None else plain(letter.truncated),
        "ce_type": _text(letter, "ce_type"),
        "ce_id": _text(letter, "ce_id"),
        "by": plain(note.by) if note else None,
        "at": plain(note.at) if note else None,
        "because": plain(note.because) if note and note.because else None,
    }


def time_text(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else "unknown"


def _header(name: str, data: bytes | None) -> str:
    return HIDDEN if data is not None and is_secret_name(name) else plain(data)


def _text(letter: Letter, name: str) -> str | None:
    value = letter.header(name)
    return None if value is None else plain(value)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
