"""The types of the fields that several events share, with the bounds of the interface.

Text that people see takes no control character, no line break and no encoded word (RFC 2047): nothing in it can become
a mail header or a NUL that PostgreSQL refuses.
"""

import re
import unicodedata
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError

RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
FULL_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
DATE_LENGTH, NO_DAY = 10, "must be a date as in 2026-11-23"
# PostgreSQL's clients take the first and the last day of all for infinity; no paper is that old or that far ahead.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
ENCODED_WORD = re.compile(r"=\?[^?]*\?[bqBQ]\?")
MAIL_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
MAIL_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
# IDNA 2003 and 2008 lead these to different domains, thus perhaps to a stranger's mailbox.
AMBIGUOUS_IN_DOMAINS = frozenset("ßς\u200c\u200d")
# They turn round what a reader sees.
BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
REMARK_LENGTH = 1000
_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069"
# What a JSON Schema can say of the rules below (ECMA-262 expressions).
PLAIN: dict[str, Any] = {"pattern": f"^[^{_CONTROL}]*$", "not": {"pattern": r"=\?[^?]*\?[bqBQ]\?"}}
NOT_BLANK = PLAIN | {"pattern": rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"}
NUMBER_PATTERN = rf"^[^/\\{_CONTROL}]*[^/\\\s{_CONTROL}][^/\\{_CONTROL}]*$"


class Described:
    """What a field means, with what its JSON Schema says beyond what pydantic derives (None: leaves out). It checks nothing."""

    def __init__(self, text: str, **keywords: Any) -> None:
        self.keywords = {"description": text, **keywords}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Add the keywords to the schema of the type they stand beside."""
        return {name: value for name, value in (handler(core_schema) | self.keywords).items() if value is not None}


def is_plain(text: str) -> bool:
    """Whether the text is free of control characters, line breaks, lone surrogates and bidirectional overrides."""
    if text.isprintable():
        return True
    return not any(unicodedata.category(char) in CONTROLS or char in BIDIRECTIONAL for char in text)


def parse_rfc3339(text: str) -> datetime:
    """Read a date and time with its offset and give it in UTC; ValueError for anything else."""
    if not RFC_3339.fullmatch(text):
        raise ValueError("must be a date and time with offset as in 2026-11-23T10:15:00Z (RFC 3339)")
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a date and time between the years 1 and 9999") from None


def plain(text: str) -> str:
    """Refuse with ValueError what could break out of a line, a header or a column."""
    if text.isprintable() and "=?" not in text:
        return text
    if not is_plain(text):
        raise ValueError("must not have control characters or line breaks")
    if ENCODED_WORD.search(text):
        raise ValueError("must not have an encoded word (=?…?=)")
    return text


def _printable(text: str) -> str:
    if text.isalnum():
        return text
    if not text.isprintable() or not text.strip():
        raise ValueError("must have printable characters only")
    if "/" in text or "\\" in text:
        raise ValueError("must not have / or \\")
    return plain(text)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _day(value: object) -> object:
    if isinstance(value, str) and len(value) == DATE_LENGTH:
        return _day_of(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return _within_bounds(value)
    raise ValueError(NO_DAY)


@lru_cache(maxsize=1024)
def _day_of(text: str) -> date:
    """Read a full date; the same days come again and again."""
    if not FULL_DATE.fullmatch(text):
        raise ValueError(NO_DAY)
    return _within_bounds(date.fromisoformat(text))


def _within_bounds(day: date) -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"must be a date from {FIRST_DAY} to {LAST_DAY}")
    return day


def _instant(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, str):
        return parse_rfc3339(value)
    raise ValueError("must be a date and time with offset as in 2026-11-23T10:15:00Z (RFC 3339)")


def _mail_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    if AMBIGUOUS_IN_DOMAINS.intersection(domain):
        raise ValueError("needs its domain in the xn-- form")
    return domain.encode("idna").decode("ascii")


def _email(address: str) -> str:
    """Take what every mail server takes: an ASCII dot-atom and a domain with a dot; umlaut domains become xn--."""
    local, _, domain = plain(address).rpartition("@")
    domain = _mail_domain(domain)
    labels = domain.split(".")
    if not MAIL_LOCAL.fullmatch(local) or len(local) > 64 or len(local) + len(domain) > 253:  # noqa: PLR2004 - RFC 5321
        raise ValueError("must be an e-mail address")
    if len(labels) < 2 or not all(MAIL_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():  # noqa: PLR2004 - name and country
        raise ValueError("must be an e-mail address with a full domain")
    return f"{local}@{domain}"


def _remark(value: object) -> object:
    """Make any text fit: what a machine said about an error must never be the next error."""
    if not isinstance(value, str):
        return value
    text = value if is_plain(value) else "".join(char if is_plain(char) else " " for char in value)
    return text[:REMARK_LENGTH]


CustomerNumber = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"),
    Described("The customer, as billing numbers it."),
]
DocumentNumber = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_printable),
    Described("The document, as billing numbers it: printable characters without / and \\.", pattern=NUMBER_PATTERN),
]
DocumentType = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(plain),
    Described(
        "invoice, credit_note, cancellation, reminder, delivery_note, statement, contract or other; any other value is "
        "kept as it came and shown like other.",
        **PLAIN,
    ),
]
Amount = Annotated[
    str,
    StringConstraints(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$"),
    Described("A decimal number as text, in units of the currency, e.g. 119.00."),
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Described("ISO 4217, e.g. EUR.")]
Sha256 = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Fa-f]{64}$", to_lower=True),
    Described("SHA-256 of the bytes (FIPS 180-4), in hex; told in lower case."),
]
WishedUsername = Annotated[
    str,
    StringConstraints(max_length=256),
    AfterValidator(plain),
    Described(
        "A wish, compared without case; one that is taken or not [a-z0-9][a-z0-9._-]{2,31} is not granted.", **PLAIN
    ),
]
Username = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{2,31}$"), Described("What the user signs in with.")
]
Email = Annotated[
    str,
    StringConstraints(max_length=254),
    AfterValidator(_email),
    Described(
        "An ASCII dot-atom and a full domain (RFC 5321); umlauts of a domain become its xn-- form.", format="email"
    ),
]
Company = Annotated[
    str,
    StringConstraints(max_length=200),
    AfterValidator(plain),
    AfterValidator(_not_blank),
    Described("The customer's name; not blank.", **NOT_BLANK),
]
Name = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(plain),
    Described("Part of a person's name, or empty.", **PLAIN),
]
Reason = Annotated[
    str, StringConstraints(max_length=500), AfterValidator(plain), Described("Why, in a sentence.", **PLAIN)
]
Remark = Annotated[
    str,
    BeforeValidator(_remark),
    Described(f"Any text: made one line and cut to {REMARK_LENGTH} characters, never refused."),
]
ObjectKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    AfterValidator(plain),
    Described("The key of an object in S3.", **PLAIN),
]
Jwe = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+){3}$", max_length=8192),
    Described("A JWE in compact form (RFC 7516; ECDH-ES, A256GCM) that the notifier alone can open."),
]
Word = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$"), Described("A word in snake case; more may be added.")
]
Day = Annotated[
    date,
    BeforeValidator(_day),
    Described(
        f"A day from {FIRST_DAY} to {LAST_DAY} (RFC 3339, full-date).", pattern="^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$"
    ),
]
Instant = Annotated[
    datetime, BeforeValidator(_instant), Described("A moment (RFC 3339, date-time, with its offset); told in UTC.")
]
Count = Annotated[int, Field(strict=True, ge=0), Described("In bytes.")]
Version = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1), Described("Counts from 1.")]
Flag = Annotated[bool, Field(strict=True)]
Salutation = Literal["none", "mrs", "mr", "diverse"]
Language = Literal["de", "en"]

_CUSTOMER_NUMBER: TypeAdapter[str] = TypeAdapter(CustomerNumber)
_DOCUMENT_NUMBER: TypeAdapter[str] = TypeAdapter(DocumentNumber)


def _value_or_none(adapter: TypeAdapter[str], value: object) -> str | None:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


def customer_number_or_none(value: object) -> str | None:
    """Give the value where it is a customer number: what a rejection may repeat of a record that is invalid otherwise."""
    return _value_or_none(_CUSTOMER_NUMBER, value)


def document_number_or_none(value: object) -> str | None:
    """Give the value where it is a document number."""
    return _value_or_none(_DOCUMENT_NUMBER, value)
