"""Takes secrets out of what is written down for people: log lines, span attributes, messages of exceptions."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
MAX_DEPTH = 8

_SECRET_NAME = re.compile(
    r"passw|secret|token|authorization|cookie|credential|api_?key|private_?key|access_?key|encryption_?key|dsn"
    r"|^principal$|session_?header|x-kundenportal-(principal|session)",
    re.IGNORECASE,
)
_SECRET_WORD = r"[\w.-]*(?:password|passwort|passwd|pwd|secret|token|api_?key|signature|credential|session|code)[\w.-]*"  # noqa: S105 - a pattern of names
_REPLACEMENTS = (
    # name=value in query strings, forms and connection strings; "name": "value" in JSON and reprs
    (re.compile(rf"(?i)\b({_SECRET_WORD})=(?!\*\*\*)[^&\s\"',;)]+"), rf"\1={HIDDEN}"),
    (re.compile(rf"(?i)([\"']{_SECRET_WORD}[\"']\s*:\s*)([\"'])(?:\\.|(?!\2).)*\2"), rf"\1\2{HIDDEN}\2"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"://([^:/?#\s@]*):[^@/\s]+@"), rf"://\1:{HIDDEN}@"),
    # compact JWS and JWE
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){2,4}"), HIDDEN),
    # PostgreSQL repeats whole rows in the details of its errors
    (re.compile(r"Failing row contains \(.*\)"), f"Failing row contains ({HIDDEN})"),
    (re.compile(r"(Key \([^)]*\))=\(.*?\)(?= )"), rf"\1=({HIDDEN})"),
)


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name is hidden, whatever it holds."""
    return _SECRET_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """Replace everything in the text that looks like a secret."""
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, depth: int = 0) -> Any:
    """Make a copy with secrets hidden in texts and under secret names, however nested; what is nested too deep is cut off."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _redact_collection(value, depth) if depth < MAX_DEPTH else "…"
    return f"<{len(value)} bytes>" if isinstance(value, bytes | bytearray) else redact_text(str(value))


def _redact_collection(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _redact_member(str(name), member, depth) for name, member in value.items()}
    return [redact(item, depth + 1) for item in value]


def _redact_member(name: str, value: Any, depth: int) -> Any:
    return HIDDEN if value is not None and is_secret_name(name) else redact(value, depth + 1)


def without_query(url: str) -> str:
    """Give the address without its query string and fragment."""
    return url.partition("?")[0].partition("#")[0]
