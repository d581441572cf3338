"""What is kept of a record that is too large for a dead letter: its beginning, and of what was cut the size and hash."""

from hashlib import sha256

from chassis.messaging.records import Record
from chassis.messaging.undecoded import readable_name
from chassis.telemetry import Headers

VALUE_BYTES = 65_536
KEY_BYTES = 1_024
HEADERS_BYTES = 16_384
# A header's two lengths, generously.
HEADER_EXTRA = 10


def shorten(record: Record) -> tuple[Record, str]:
    """Return the record with what is too long cut, and what was cut; the text is empty where nothing was.

    Of key and value the first 1,024 and 65,536 bytes are kept, of the headers those that fit into 16,384 bytes together.
    The text has `key:size:sha256`, `value:size:sha256` of the whole and `headers:number`, with commas between.
    """
    cuts = []
    if record.key is not None and len(record.key) > KEY_BYTES:
        cuts.append(_cut("key", record.key))
    if record.value is not None and len(record.value) > VALUE_BYTES:
        cuts.append(_cut("value", record.value))
    headers = _fitting(record.headers)
    if len(headers) < len(record.headers):
        cuts.append(f"headers:{len(record.headers)}")
    key = None if record.key is None else record.key[:KEY_BYTES]
    value = None if record.value is None else record.value[:VALUE_BYTES]
    return record._replace(key=key, value=value, headers=headers), ",".join(cuts)


def _cut(name: str, whole: bytes) -> str:
    return f"{name}:{len(whole)}:{sha256(whole).hexdigest()}"


def _fitting(headers: Headers) -> tuple[tuple[str, bytes], ...]:
    kept = []
    left = HEADERS_BYTES
    for name, value in headers:
        size = len(readable_name(name).encode()) + len(value or b"") + HEADER_EXTRA
        if size <= left:
            kept.append((name, value))
            left -= size
    return tuple(kept)
