"""Cursors that fit one list alone: the place in it, and a seal over that place and the list it belongs to."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from documents.ports import CursorInvalid

_SEAL_BYTES: Final = 16
_MAX_LENGTH: Final = 1024


class SignedCursors:
    """Seals with a key that all processes of the service share, so that any of them can go on with a list."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"documents list cursor\0" + secret.encode()).digest()

    def give(self, place: Sequence[str], whose_list: Sequence[object]) -> str:
        payload = json.dumps(list(place), separators=(",", ":")).encode()
        return urlsafe_b64encode(self._seal(payload, whose_list) + payload).rstrip(b"=").decode()

    def read(self, cursor: str, whose_list: Sequence[object]) -> list[str]:
        """Give the place; CursorInvalid for anything that `give` did not make for the same list."""
        if len(cursor) > _MAX_LENGTH:
            raise CursorInvalid
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except ValueError:
            raise CursorInvalid from None
        seal, payload = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(payload, whose_list)):
            raise CursorInvalid
        place: list[str] = json.loads(payload)
        return place

    def _seal(self, payload: bytes, whose_list: Sequence[object]) -> bytes:
        # repr keeps apart what joining would mix, and everything in it is str, date, bool, None or a tuple of them.
        sealed = payload + b"\0" + repr(tuple(whose_list)).encode()
        return hmac.digest(self._key, sealed, "sha256")[:_SEAL_BYTES]
