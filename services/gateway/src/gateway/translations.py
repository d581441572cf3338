"""German is the language of the texts themselves; a catalogue turns them into another, compiled in memory at the start."""

import gettext
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE_LANGUAGE: Final = "de"
LANGUAGES: Final = ("de", "en")


def translations(language: str) -> gettext.NullTranslations:
    """Give the catalogue of a language; German needs none."""
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    source = files("gateway") / "locales" / language / "LC_MESSAGES" / "gateway.po"
    catalogue = read_po(BytesIO(source.read_bytes()), locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def known_language(language: str | None) -> str:
    return language if language in LANGUAGES else SOURCE_LANGUAGE


def mark(text: str) -> str:
    """Mark a text for the catalogue where it is written; it is translated where it is shown."""
    return text
