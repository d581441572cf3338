"""Privacy notices from a folder of `<version>.<language>.html`, read once at start; the highest version is in force.

A file is a fragment that begins with its heading: `<h1>Datenschutzhinweise</h1>` and then the text.
"""

import re
from pathlib import Path
from typing import get_args

from identity.domain import Language
from identity.ports import CannotStart, PrivacyNotice

FILE = re.compile(r"(?P<version>[0-9A-Za-z][0-9A-Za-z._-]{0,31})\.(?P<language>[a-z]{2})\.html")
HEADING = re.compile(r"\s*<h1[^>]*>(?P<title>[^<]+)</h1>", re.IGNORECASE)
SHIPPED = Path(__file__).parents[1] / "privacy_notices"


class PrivacyNoticesUnusable(CannotStart):
    """The folder has no text that could be shown."""


class PrivacyNoticesFolder:
    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or SHIPPED
        found = _files(folder)
        if not found:
            raise PrivacyNoticesUnusable(f"{folder} has no file named <version>.<de|en>.html")
        self.version = max((version for version, _ in found), key=_order)
        self._texts = {
            language: _read(path, self.version)
            for (version, language), path in found.items()
            if version == self.version
        }
        if "de" not in self._texts:
            raise PrivacyNoticesUnusable(
                f"{folder} lacks {self.version}.de.html, the German text of the version in force"
            )

    def text(self, language: Language) -> PrivacyNotice:
        return self._texts.get(language) or self._texts["de"]


def _files(folder: Path) -> dict[tuple[str, str], Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise PrivacyNoticesUnusable(f"{folder} cannot be read: {error.strerror}") from None
    matches = [(match, path) for path in paths if (match := FILE.fullmatch(path.name))]
    languages = get_args(Language)
    return {(match["version"], match["language"]): path for match, path in matches if match["language"] in languages}


def _order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Compare numbers as numbers: 1.10 is higher than 1.9."""
    parts = re.findall(r"\d+|[A-Za-z]+", version)
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def _read(path: Path, version: str) -> PrivacyNotice:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise PrivacyNoticesUnusable(f"{path} cannot be read as UTF-8 text") from None
    heading = HEADING.match(content)
    if heading is None:
        raise PrivacyNoticesUnusable(f"{path} must begin with its heading: <h1>…</h1>")
    return PrivacyNotice(version, " ".join(heading["title"].split()), content[heading.end() :].strip())
