"""The envelope of every event: CloudEvents 1.0 in Kafka's binary mode, headers around a UTF-8 JSON object.

Whatever bytes arrive, reading them ends in a value or in EventInvalid, never in another exception.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from math import isfinite, nan
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Never, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from kundenportal_contracts.fields import is_plain, parse_rfc3339
from kundenportal_contracts.topics import Topic

Headers = Sequence[tuple[str, bytes]]

CONTENT_TYPE = "application/json"
ATTRIBUTES = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type")
ATTRIBUTE_BYTES = 256
VALUE_BYTES = 2 * 1_048_576
NESTING = 500  # objects and lists within each other; some Pythons would read 1,000, others any number
SHORT = 8_192
DETAIL_LENGTH = 500
ERRORS_TOLD = 5


class EventInvalid(Exception):
    """A record that nobody can take. `detail` names the fields and never repeats their values; `field` is the first."""

    def __init__(
        self, reason: Literal["malformed_event", "invalid_field"], detail: str, field: str | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field


class Envelope(NamedTuple):
    """What the headers say. `time` is aware and in UTC."""

    id: str
    source: str
    type: str
    time: datetime


class EventData(BaseModel):
    """Base of every event: what its value says, under which name, on which topic, under which key."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    ce_type: ClassVar[str]
    topic: ClassVar[Topic]
    key_field: ClassVar[str] = "customer_number"

    @property
    def key(self) -> str:
        """The record's key, which keeps the events about one subject in order."""
        return str(getattr(self, self.key_field))


M = TypeVar("M", bound=EventData)


def _malformed(detail: str) -> EventInvalid:
    return EventInvalid("malformed_event", detail[:DETAIL_LENGTH])


def _attributes(headers: Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        if name not in ATTRIBUTES or value is None:
            continue
        if name in found:
            raise _malformed(f"header {name} stands there twice")
        if len(value) > ATTRIBUTE_BYTES:
            raise _malformed(f"header {name} is longer than {ATTRIBUTE_BYTES} bytes")
        try:
            found[name] = value.decode("utf-8")
        except UnicodeDecodeError:
            raise _malformed(f"header {name} is not UTF-8") from None
        if not is_plain(found[name]):
            raise _malformed(f"header {name} has control characters")
    return found


def _required(attributes: dict[str, str], name: str) -> str:
    value = attributes.get(name, "")
    if not value.strip():
        raise _malformed(f"header {name} is missing")
    return value


def _check_content_type(value: str) -> None:
    media_type, _, parameters = value.lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if media_type.strip() != CONTENT_TYPE or charset not in {"", "utf-8", "utf8"}:
        raise _malformed("header content-type must be application/json")


def read_envelope(headers: Headers) -> Envelope:
    """Read the CloudEvents attributes; EventInvalid("malformed_event") where one is missing or makes no sense."""
    return _read_as_written(headers) or _read_any(headers)


def _read_any(headers: Headers) -> Envelope:
    attributes = _attributes(headers)
    event_id = _required(attributes, "ce_id")
    time = _required(attributes, "ce_time")
    source, ce_type = _required(attributes, "ce_source"), _required(attributes, "ce_type")
    if _required(attributes, "ce_specversion") != "1.0":
        raise _malformed("header ce_specversion must be 1.0")
    _check_content_type(attributes.get("content-type", CONTENT_TYPE))
    try:
        return Envelope(event_id, source, ce_type, parse_rfc3339(time))
    except ValueError as error:
        raise _malformed(f"header ce_time {error}") from None


_AS_WRITTEN = re.compile(rb"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z")


def _read_as_written(headers: Headers) -> Envelope | None:
    """Read headers in the order and spelling of `write_headers`, which nearly all have; None for any others."""
    if len(headers) < len(ATTRIBUTES):
        return None
    (n0, version), (n1, event_id), (n2, source), (n3, ce_type), (n4, time), (n5, content_type) = headers[:6]
    if (n0, n1, n2, n3, n4, n5) != ATTRIBUTES or version != b"1.0" or content_type != b"application/json":
        return None
    if any(name in ATTRIBUTES for name, _ in headers[6:]) or not (event_id and source and ce_type and time):
        return None
    texts = _ascii(event_id), _word(source), _word(ce_type)
    if not all(texts) or _AS_WRITTEN.fullmatch(time) is None:
        return None
    try:
        return Envelope(*texts, datetime.fromisoformat(time.decode("ascii")))
    except ValueError:
        return None


def _ascii(value: bytes) -> str:
    """The text of an attribute that is plain ASCII with something in it; else an empty one."""
    if len(value) > ATTRIBUTE_BYTES or not value.isascii():
        return ""
    text = value.decode("ascii")
    return text if text.isprintable() and not text.isspace() else ""


# Sources and types are few and come again and again.
_word = lru_cache(maxsize=1024)(_ascii)


def write_headers(envelope: Envelope, extra: Headers = ()) -> list[tuple[str, bytes]]:
    """Write the attributes, in a fixed order, and then what else goes along (traceparent)."""
    time = envelope.time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    values = ("1.0", envelope.id, envelope.source, envelope.type, time, CONTENT_TYPE)
    return [(name, value.encode()) for name, value in zip(ATTRIBUTES, values, strict=True)] + list(extra)


def encode(event: EventData) -> bytes:
    """Write the value: UTF-8 JSON, compact, keys in the model's order, so that equal events give equal bytes."""
    return event.model_dump_json().encode()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _malformed("the value names a key twice")
    return found


def _refuse_constant(_: str) -> Never:
    raise _malformed("the value is not JSON: NaN and Infinity are no numbers")


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)


def read_object(value: bytes | None) -> dict[str, Any]:
    """Read a value as a JSON object without judging its fields; EventInvalid("malformed_event") when it is none."""
    if not value:
        raise _malformed("the value is empty")
    if len(value) > VALUE_BYTES:
        raise _malformed(f"the value is longer than {VALUE_BYTES} bytes")
    try:
        data = _DECODER.decode(value.decode("utf-8"))
        _check_nesting(value, data)
        if b"\\" in value:
            json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("the value is not UTF-8") from None
    except UnicodeEncodeError:
        raise _malformed("the value has half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"the value is not JSON: {error.msg} at character {error.pos}") from None
    except ValueError:
        raise _malformed("the value has a number of too many digits") from None
    except RecursionError:
        raise _malformed("the value is nested too deeply") from None
    if not isinstance(data, dict):
        raise _malformed("the value is not a JSON object")
    return data


def _check_nesting(value: bytes, data: Any) -> None:
    """Raise RecursionError where this Python's own limit is further away than ours."""
    level = [data] if value.count(b"[") + value.count(b"{") > NESTING else []
    for _ in range(NESTING):
        members = [each.values() if isinstance(each, dict) else each for each in level]
        level = [inner for each in members for inner in each if isinstance(inner, dict | list)]
    if level:
        raise RecursionError


def validate(model: type[M], data: dict[str, Any]) -> M:
    """Judge the fields of an object that was read; EventInvalid("invalid_field") names those that are wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        told = _told(error)
        detail = "; ".join(f"{field}: {message}" for field, message in told[:ERRORS_TOLD])
        raise EventInvalid("invalid_field", detail[:DETAIL_LENGTH], told[0][0]) from None


def decode(model: type[M], value: bytes | None) -> M:
    """Read a value into its model, or say by EventInvalid why not."""
    return decode_at_once(model, value) or validate(model, read_object(value))


def decode_at_once(model: type[M], value: bytes | None) -> M | None:
    """Read and judge in one step what is beyond doubt; None for what `read_object` and `validate` have to look at.

    What is given is what these two would give. None says nothing about the value yet: they find the words.
    """
    if not value or len(value) > VALUE_BYTES:
        return None
    try:
        event = model.__pydantic_validator__.validate_json(value)
    except ValidationError:
        return None
    # As many keys in the model as in the text: none stands there twice, and none is unknown, which may hide anything.
    keys: float = len(event.model_fields_set)
    for name in _nesting(model):
        if part := getattr(event, name):
            keys += _keys_of(part)
    return event if keys == _keys_in(value) else None


_SCALARS = frozenset({str, int, bool, bytes, date, datetime, UUID, NoneType})
_SPACES = frozenset({b" ", b"\t", b"\n", b"\r"})


def _keys_in(value: bytes) -> int:
    """How many keys the text has at most; -1 where blanks before a colon may hide one."""
    if len(value) <= SHORT and len(value.split(None, 1)) == 1:
        return value.count(b'":')
    ends = [part[-1:] for part in value.split(b":")]
    return ends.count(b'"') if _SPACES.isdisjoint(ends) else -1


@cache
def _nesting(model: type[EventData]) -> tuple[str, ...]:
    """The fields that may hold objects, lists or anything."""
    return tuple(name for name, field in model.model_fields.items() if not _is_scalar(field.annotation))


def _is_scalar(annotation: object) -> bool:
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return _is_scalar(parts[0])
    return annotation in _SCALARS or kind is Literal or (kind in {UnionType, Union} and all(map(_is_scalar, parts)))


def _keys_of(value: object) -> float:
    """How many keys of JSON objects stand behind a value, with all that is in it; no number where it has NaN or Infinity."""
    if isinstance(value, BaseModel):
        parts = {**vars(value), **(value.model_extra or {})}  # the keys of both are in the set
        return len(value.model_fields_set) + sum(map(_keys_of, parts.values()))
    if isinstance(value, dict):
        return len(value) + sum(map(_keys_of, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_keys_of, value))
    return nan if isinstance(value, float) and not isfinite(value) else 0


def _told(error: ValidationError) -> list[tuple[str, str]]:
    """Name each wrong field with what is wrong, without the values."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        (".".join(map(str, item["loc"])) or "the value", item["msg"].removeprefix("Value error, ")) for item in errors
    ]
