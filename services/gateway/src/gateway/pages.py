"""HTML out of templates: one Jinja environment per language, everything escaped, nothing undefined."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from gateway import words
from gateway.answers import Visitor
from gateway.brand import Brand
from gateway.formats import Formats
from gateway.static_files import StaticFiles
from gateway.translations import LANGUAGES, known_language, translations


class Pages:
    def __init__(self, brand: Brand, static: StaticFiles) -> None:
        self.brand = brand
        self._environments = {language: _environment(language, brand, static) for language in LANGUAGES}

    def html(
        self,
        template: str,
        *,
        visitor: Visitor | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Render a page in the visitor's language; German where nobody is signed in."""
        environment = self._environments[known_language(visitor.user.language if visitor else None)]
        text = environment.get_template(template).render(visitor=visitor, **values)
        return HTMLResponse(text, status, headers)


def _environment(language: str, brand: Brand, static: StaticFiles) -> Environment:
    environment = Environment(
        loader=PackageLoader("gateway"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    catalogue, formats = translations(language), Formats(language)
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined] # added by the extension

    def word(value: str, kind: str) -> str:
        """Say a word of the interfaces in the page's language; an unknown one is shown as it came."""
        known: Mapping[str, str] = getattr(words, kind)
        if value not in known and kind == "DOCUMENT_TYPES":
            value = words.OTHER_TYPE
        return catalogue.gettext(known[value]) if value in known else value

    def group_name(key: str, grouping: str) -> str:
        return word(key, "DOCUMENT_TYPES") if grouping == "type" else formats.month(key)

    environment.globals |= {"brand": brand, "asset": static.path, "language": language, "words": words}
    environment.filters |= {
        "word": word,
        "group_name": group_name,
        "typed": lambda value: (value, word(value, "DOCUMENT_TYPES")),
        "notified": lambda value: (value, word(value, "NOTIFICATIONS")),
        "refined": lambda value, form: form[f"type_{value}"],
        "iso_day": lambda value: formats.day(date.fromisoformat(value)),
        "said": catalogue.gettext,
        "day": formats.day,
        "moment": formats.moment,
        "month": formats.month,
        "amount": formats.amount,
        "size": formats.size,
    }
    for name in environment.list_templates():
        environment.get_template(name)  # compiled before the first visitor, and a mistake in one ends the start
    return environment
