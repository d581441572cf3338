"""Poison for any topic: a good record, broken in one way each, with the word that a reader must have for it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

from tests.faults.wire import RawHeaders, RawRecord

Data = dict[str, Any]
NOT_TEXT = b"\xff\xfe\x80"
LARGE_BYTES = 1_040_000
"""What a record of this size becomes with its headers is still a batch that the broker takes."""


@dataclass(frozen=True)
class Good:
    """An event that is right: what it is broken from."""

    key: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    data: Data

    @property
    def record(self) -> RawRecord:
        return RawRecord(self.key, encoded(self.data), self.headers)

    def saying(self, value: bytes | None) -> RawRecord:
        """The same event id on other bytes."""
        return RawRecord(self.key, value, self.headers)

    def with_header(self, name: bytes, value: bytes | None) -> RawRecord:
        """One header more or, where it is there already, another one."""
        kept = tuple(header for header in self.headers if header[0] != name)
        return RawRecord(self.key, encoded(self.data), (*kept, (name, value)))

    def anew(self, **changed: Any) -> RawRecord:
        """An event of its own with other data."""
        return Good(self.key, fresh(self.headers), {**self.data, **changed}).record


@dataclass(frozen=True)
class Poison:
    name: str
    record: RawRecord
    reason: str


def encoded(data: Data) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()


def fresh(headers: RawHeaders) -> tuple[tuple[bytes, bytes], ...]:
    """The same headers under a new event id."""
    return tuple((name, str(uuid4()).encode() if name == b"ce_id" else value or b"") for name, value in headers)


Break = Callable[[Good], RawRecord]


def _renamed(good: Good, old: bytes, new: bytes) -> RawRecord:
    headers = tuple((new if name == old else name, value) for name, value in good.headers)
    return RawRecord(good.key, encoded(good.data), headers)


def _packed(codec: int, good: Good) -> RawRecord:
    return replace(good.saying(b'{"packed": ' + b" " * 10_000), codec=codec)


# No reader can take these, whatever the topic. Each is broken from a good event with an id of its own.
ENVELOPES: Mapping[str, Break] = {
    "no headers": lambda good: RawRecord(good.key, encoded(good.data)),
    "a header name that is no text": lambda good: _renamed(good, b"ce_id", b"ce_id" + NOT_TEXT),
    "a header value that is no text": lambda good: good.with_header(b"ce_source", NOT_TEXT),
    "a header without a value": lambda good: good.with_header(b"ce_id", None),
    "a header twice": lambda good: RawRecord(good.key, encoded(good.data), (*good.headers, good.headers[1])),
    "an endless header": lambda good: good.with_header(b"ce_id", b"x" * 10_000),
    "a thousand headers": lambda good: RawRecord(good.key, encoded(good.data), ((NOT_TEXT, NOT_TEXT),) * 1_000),
    "no time": lambda good: good.with_header(b"ce_time", b"yesterday"),
}
VALUES: Mapping[str, Break] = {
    "bad JSON": lambda good: good.saying(b'{"customer_number": '),
    "0 bytes": lambda good: good.saying(b""),
    "no text": lambda good: good.saying(NOT_TEXT * 20),
    "too large": lambda good: good.saying(b'"' + b"x" * LARGE_BYTES),
    "nested without end": lambda good: good.saying(b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    "half a surrogate": lambda good: good.saying(b'{"customer_number": "\\ud800"}'),
    "a list": lambda good: good.saying(b"[]"),
    "a key twice": lambda good: good.saying(b'{"a": 1, "a": 2}'),
    "a number of many digits": lambda good: good.saying(b'{"a": ' + b"9" * 10_000 + b"}"),
}
# Kafka's codecs, each around bytes that a reader has to keep as they were before.
PACKED: Mapping[str, Break] = {
    f"bad JSON, packed with {codec}": partial(_packed, number)
    for number, codec in enumerate(("gzip", "snappy", "lz4", "zstd"), start=1)
}
# A compacted topic means «forget this key» by it.
NULLS: Mapping[str, Break] = {
    "null": lambda good: good.saying(None),
    "null without a key": lambda good: RawRecord(None, None, good.headers),
    "nothing at all": lambda _: RawRecord(None, None),
}
FIELDS: Mapping[str, Break] = {
    "wrong schema": lambda good: good.anew(customer_number=7),
    "no fields": lambda good: good.saying(b"{}"),
    "a NUL in a text": lambda good: good.anew(customer_number="47\x0011"),
}


def poisons(good: Good, own: Mapping[str, tuple[RawRecord, str]], *, nulls: bool = True) -> list[Poison]:
    """Everything a topic can be given; `own` are further ones with their reasons, for what only this reader can see."""
    malformed = {**ENVELOPES, **VALUES, **PACKED, **(NULLS if nulls else {})}
    found = [Poison(name, make(_own_id(good)), "malformed_event") for name, make in malformed.items()]
    found += [Poison(name, make(_own_id(good)), "invalid_field") for name, make in FIELDS.items()]
    return found + [Poison(name.replace("_", " "), record, reason) for name, (record, reason) in own.items()]


def _own_id(good: Good) -> Good:
    return Good(good.key, fresh(good.headers), good.data)
