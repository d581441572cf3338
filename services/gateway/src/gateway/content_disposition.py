"""The name under which a browser saves a download (RFC 6266, RFC 8187)."""

import re
import unicodedata
from urllib.parse import quote

_LONGEST = 180
_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ł": "l", "Ł": "L", "€": "EUR"}
)
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|;%]')


def attachment(name: str) -> str:
    """Give the header's value: a plain ASCII name for old readers and the true one beside it."""
    clean = _one_line(name)
    plain = unicodedata.normalize("NFKD", clean.translate(_LETTERS)).encode("ascii", "ignore").decode("ascii")
    plain = re.sub(r"\s+", " ", plain).strip() or "dokument"
    value = f'attachment; filename="{plain}"'
    return value if plain == clean else f"{value}; filename*=UTF-8''{quote(clean, safe='!#$&+-.^_`|~')}"


def _one_line(name: str) -> str:
    """Drop what ends a header, leaves a folder, or turns the reading direction."""
    visible = "".join(letter for letter in name if unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    return _UNSAFE.sub("_", unicodedata.normalize("NFC", visible)).strip(" .")[:_LONGEST] or "dokument"
