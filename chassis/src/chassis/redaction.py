"""Takes secrets out of what is written down for people: log lines, span attributes, messages of exceptions.

Every pattern is bounded and begins where no other match of it can, so that no text takes more than linear time.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "***"
MAX_DEPTH = 8
MAX_TEXT = 32_000

# In names of fields, and left of "=" or ":" in texts.
_SECRET = r"passw|pwd|secret|token|authorization|cookie|credential|signature|(?:api|private|access|encryption)[_-]?key"  # noqa: S105
_SECRET_NAME = re.compile(rf"{_SECRET}|dsn$|^principal$|^x-kundenportal-(?:principal|session)$", re.IGNORECASE)
_SECRET_PAIR = re.compile(rf"{_SECRET}|(?:^|[_-])session$|^code$|^sig$", re.IGNORECASE)

# name=value of query strings, forms and connection strings; "name": "value" of JSON and of reprs
_EQUALS = re.compile(r"(?<![\w.-])([\w.-]{1,64})=([^&\s\"',;)]+)")
_COLON = re.compile(r"([\"'])([\w.-]{1,64})(\1\s{0,3}:\s{0,3})([\"'])((?:\\.|(?!\4)[^\\]){0,4096})\4", re.DOTALL)
_HEADER = re.compile(r"(?i)(?<![\w-])((?:set-)?cookie|authorization)(:\s{0,3})(?!\s)[^\r\n]+")
_PATTERNS = (
    (re.compile(r"(?i)\b(bearer|basic)\s{1,3}[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"://([^:/?#\s@]{0,64}):[^@/\s]{1,256}@"), rf"://\1:{HIDDEN}@"),
    # compact JWS and JWE
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*){2,4}"), HIDDEN),
    # PostgreSQL repeats rows and keys in the details of its errors
    (re.compile(r"(Failing row contains \().*"), rf"\1{HIDDEN})"),
    (re.compile(r"(Key \([^)\n]{0,200}\))=\(.{0,1000}?\)(?= )"), rf"\1=({HIDDEN})"),
)


# Each pattern above needs one of these to match; most values of fields (ids, facts, states) have none.
_SUSPECT = re.compile(r"[=:\s]|eyJ")


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name is hidden, whatever it holds."""
    return _SECRET_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """Replace everything in the text that looks like a secret; cut the text where it is too long for a log line."""
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}… ({len(text) - MAX_TEXT} characters more)"
    return text if _SUSPECT.search(text) is None else _hide_in(text)


def redact(value: Any, depth: int = 0) -> Any:
    """Make a copy with secrets hidden in texts and under secret names, however nested; what is nested too deep is cut off."""
    kind = type(value)
    if kind is str:
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if kind is dict or isinstance(value, Mapping | list | tuple | set | frozenset):
        return _redact_collection(value, depth) if depth < MAX_DEPTH else "…"
    return f"<{len(value)} bytes>" if isinstance(value, bytes | bytearray) else redact_text(_text(value))


def without_query(url: str) -> str:
    """Give the address without its query string and fragment."""
    return url.partition("?")[0].partition("#")[0]


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a line about something broken is still a line
        return f"<{type(value).__name__}>"


def _redact_collection(value: Any, depth: int) -> Any:
    if type(value) is dict or isinstance(value, Mapping):
        return {str(name): _redact_member(str(name), member, depth) for name, member in value.items()}
    return [redact(item, depth + 1) for item in value]


def _redact_member(name: str, value: Any, depth: int) -> Any:
    return HIDDEN if value is not None and is_secret_name(name) else redact(value, depth + 1)


def _hide_in(text: str) -> str:
    text = _EQUALS.sub(_hide_value, text)
    text = _COLON.sub(_hide_quoted, text)
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _hide_value(match: re.Match[str]) -> str:
    return f"{match[1]}={HIDDEN}" if _SECRET_PAIR.search(match[1]) else match[0]


def _hide_quoted(match: re.Match[str]) -> str:
    quote, name, colon, value_quote, _ = match.groups()
    return f"{quote}{name}{colon}{value_quote}{HIDDEN}{value_quote}" if _SECRET_PAIR.search(name) else match[0]
