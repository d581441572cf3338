"""What part of a document a request asks for (RFC 9110, chapters 13 and 14)."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE | re.ASCII)


class RangeNotSatisfiable(Exception):
    """The range begins behind the last byte."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """First and last byte, both counted in, of a document of `size` bytes."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    @property
    def is_whole(self) -> bool:
        return self.length == self.size

    @property
    def content_range(self) -> str:
        return f"bytes {self.first}-{self.last}/{self.size}"


def whole(size: int) -> ByteRange:
    return ByteRange(0, size - 1, size)


def asked_range(header: str | None, size: int) -> ByteRange | None:
    """Give the one range asked for; None for no range, several, or one that is not well-formed.

    Raises RangeNotSatisfiable when the range is well-formed and holds no byte of the document.
    """
    matched = _RANGE.fullmatch(header or "")
    if matched is None or matched.groups() == ("", ""):
        return None
    first, last = matched.groups()
    if not first:
        if int(last) == 0 or size == 0:
            raise RangeNotSatisfiable
        return ByteRange(max(0, size - int(last)), size - 1, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise RangeNotSatisfiable
    return ByteRange(int(first), min(int(last), size - 1) if last else size - 1, size)


def is_named_by(etag: str, header: str | None) -> bool:
    """Tell whether an If-None-Match list names this ETag (weak comparison)."""
    if header is None:
        return False
    named = [part.strip().removeprefix("W/") for part in header.split(",")]
    return "*" in named or etag in named
