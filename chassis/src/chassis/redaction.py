"""Takes secrets out of what is written down for people: log lines, span attributes, messages of exceptions.

No text takes more than linear time: patterns are bounded, begin where no other match of them can, or end nowhere but at
the end of the text; what was hidden is not looked at again.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "***"
MAX_DEPTH = 8
MAX_TEXT = 32_000
MAX_TORN = 400  # longer than what can be told for a secret by its end alone: the password of an address

# In names of fields, and left of "=" or ":" in texts.
_SECRET = (
    r"pass(?:w|phrase)|kennwort|pwd|secret|token|authorization|cookie|credential|signature"  # noqa: S105
    r"|(?:api|private|access|encryption)[_-]?key|^x-kundenportal-(?:principal|session)$"
)
_SECRET_NAME = re.compile(rf"{_SECRET}|dsn$|^principal$", re.IGNORECASE)
_SECRET_PAIR = re.compile(_SECRET, re.IGNORECASE)
# Hidden in query strings and as JSON texts only: an exit code is none.
_SECRET_PARAMETER = re.compile(r"(?:^|[_-])session$|^code$|^sig$", re.IGNORECASE)
_JWK_SECRETS = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})  # RFC 7518, beside "kty"
# What ends like this may hold a secret; PasswordRefused and the like are errors that say why.
_SECRET_END = re.compile(
    r"(?:word|wort|phrase|pwd|secret|token|key|cookie|credential|signature|authorization)s?$", re.IGNORECASE
)

# name=value of query strings, forms, connection strings and reprs; "name": value of JSON, also escaped in JSON; name: value
_PAIR = re.compile(
    r"""(?mx)
    (?P<line>^[ \t]{0,40}(?:-[ ]|export[ ])?)?
    (?<![\w.-])(?P<name>[\w.-]++)(?P<quote>\\*+["'])?
    (?P<gap>
        \s{0,3}(?:=>|={1,3}|:=|:|,(?=\s[bB]["']))\s{0,3}(?=[bBuU]?\\*["']|[\[{(])
        |[ \t]{0,3}(?:=>|={1,3}|:=|:(?!:))[ \t]{0,40}(?=\S)
    )
    """
)
_OPENING = re.compile(r"[bBuU]?(\\*+)([\"'])")
_QUOTE = re.compile(r"(?<!\\)(\\*+)([\"'])")
_BRACKET_OR_QUOTE = re.compile(r"[\[{(\]})]|(?<!\\)(\\*+)([\"'])")
# Not possessive: Python before 3.11.5 loses its place behind a possessive group (gh-106052). Nothing follows, so nothing is tried twice.
_BARE = re.compile(r"(?:[^\s\"'&,;)]|[,;](?!\s|[\w.-]{1,64}[\"']?[=:]|\Z))+")
_SCALAR = re.compile(r"[^\s,;\]})\"']++")
_NOTHING = re.compile(r"(?:null|None)(?=[\s\"'&,;)\]}]|\Z)")
_LINE = re.compile(r"[^\r\n]++")
_HUMP = re.compile(r"[a-z][A-Z]")
_PATTERNS = (
    (re.compile(r"(?i)\b(bearer|basic)\s{1,3}[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"://([^:/?#\s@]{0,64}):[^/\s]{1,256}@"), rf"://\1:{HIDDEN}@"),
    # compact JWS and JWE, also torn ones at the end
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}+(?:(?:\.[\w-]*+){2,4}|(?:\.[\w-]*+)?\Z)"), HIDDEN),
    # PostgreSQL repeats rows and keys in the details of its errors; their values may have any number of lines
    (
        re.compile(
            r"(?s)(Failing row contains \().*?(?:\)\.?(?=\s{0,8}\Z|\n[ |]{0,20}(?:\n|\[SQL|\[param|\(Background|[A-Z ]{3,20}:))|\Z)"
        ),
        rf"\1{HIDDEN})",
    ),
    (
        re.compile(
            r"(?s)([Kk]ey \([^\n]{1,200}?\))=\(.*?(?:\)(?= already | is (?:not present|still referenced|duplicated)"
            r"| conflicts with|\.\s{0,8}\Z|\.\n)|\Z)"
        ),
        rf"\1=({HIDDEN})",
    ),
)
_HEADER = re.compile(r"(?i)(?<![\w-])((?:set-)?cookie|authorization)(:\s{0,3})(?!\s)[^\r\n]+")


# Each pattern above needs one of these to match; most values of fields (ids, facts, states) have none.
_SUSPECT = re.compile(r"[=:\s]|eyJ")
# Each secret name of a pair has one of these in it; most sentences have none.
_PARTS_OF_NAMES = (
    "pass",
    "wort",
    "pwd",
    "secret",
    "token",
    "auth",
    "cookie",
    "credential",
    "sig",
    "key",
    "x-kund",
    "session",
    "code",
    "kty",
)


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name is hidden, whatever it holds."""
    return _SECRET_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """Replace everything in the text that looks like a secret; cut the text where it is too long for a log line."""
    if len(text) > MAX_TEXT:
        kept = _cut(text)
        return f"{_hide_in(kept)}… ({len(text) - len(kept)} characters more)"
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
        copy = {str(name): _redact_member(str(name), member, depth) for name, member in value.items()}
        return copy | dict.fromkeys(copy.keys() & _JWK_SECRETS, HIDDEN) if "kty" in copy else copy
    return [redact(item, depth + 1) for item in value]


def _redact_member(name: str, value: Any, depth: int) -> Any:
    return HIDDEN if value is not None and is_secret_name(name) else redact(value, depth + 1)


def _cut(text: str) -> str:
    """The beginning, without a last word that may be half a secret."""
    kept = text[:MAX_TEXT]
    torn = re.split(r"\s", kept[-MAX_TORN:])[-1]
    return kept[: -len(torn)] if torn else kept


def _hide_in(text: str) -> str:
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    folded = text.casefold()
    if any(part in folded for part in _PARTS_OF_NAMES):
        text = _hide_values(text, holds_jwk="kty" in folded)
        text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    return text


def _hide_values(text: str, *, holds_jwk: bool) -> str:
    parts: list[str] = []
    copied = 0
    pair = _PAIR.search(text)
    while pair is not None:
        start, end = _secret_of(pair, holds_jwk=holds_jwk)
        if start < end:
            parts += text[copied:start], HIDDEN
            copied = end
        pair = _PAIR.search(text, end)
    return "".join((*parts, text[copied:]))


def _secret_of(pair: re.Match[str], *, holds_jwk: bool) -> tuple[int, int]:
    """Where the secret of this pair begins and ends; an empty place where there is none."""
    text, at, name = pair.string, pair.end(), pair["name"]
    is_secret = _is_secret_in_text(name)
    opening = _OPENING.match(text, at)
    if opening is not None:
        hidden = is_secret or (pair["quote"] is not None and _is_parameter(name, holds_jwk=holds_jwk))
        return (opening.end(), _end_of_quoted(text, opening)) if hidden else (at, at)
    if is_secret:
        return at, _end_of_plain(pair)
    if pair["quote"] is None and pair["gap"] == "=" and _SECRET_PARAMETER.search(name):
        return at, _end(_BARE, text, at)
    return at, at


@lru_cache(maxsize=1024)
def _is_secret_in_text(name: str) -> bool:
    return _SECRET_PAIR.search(name) is not None


def _is_parameter(name: str, *, holds_jwk: bool) -> bool:
    return _SECRET_PARAMETER.search(name) is not None or (holds_jwk and name in _JWK_SECRETS)


def _end_of_plain(pair: re.Match[str]) -> int:
    """The end of a value without quotes: a list, a number, a word, or the rest of a line that begins with the name."""
    text, at, gap = pair.string, pair.end(), pair["gap"]
    name = pair["name"].rpartition(".")[2]
    if _NOTHING.match(text, at) or (gap != "=" and not _is_secret_in_text(name)):  # identity.credentials.v1 is a topic
        return at
    if text[at] in "[{(":
        return _end_of_brackets(text, at)
    if pair["quote"] is not None:
        return _end(_SCALAR, text, at)
    if gap != "=" and _HUMP.search(name):
        return _end(_BARE, text, at) if _SECRET_END.search(name) else at
    return _end(_LINE if pair["line"] is not None and gap != "=" else _BARE, text, at)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _end_of_quoted(text: str, opening: re.Match[str]) -> int:
    """Before the quote that closes this one: as often escaped, or less where the text around it ends; else the text's end."""
    depth = len(opening[1])
    for quote in _QUOTE.finditer(text, opening.end()):
        escapes = len(quote[1])
        if quote[2] == opening[2] and (escapes < depth or escapes % (2 * depth + 2) == depth):
            return quote.end() - 1 - min(escapes, depth)
    return len(text)


def _end_of_brackets(text: str, at: int) -> int:
    """Behind the bracket that closes this one; where none does, the text's end."""
    depth, place = 0, at
    while (found := _BRACKET_OR_QUOTE.search(text, place)) is not None:
        place = found.end()
        if found[2] is not None:
            place = _end_of_quoted(text, found) + len(found[0])
        elif found[0] in "[{(":
            depth += 1
        elif depth > 1:
            depth -= 1
        else:
            return place
    return len(text)
