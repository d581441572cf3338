"""Texts that an operator wrote in HTML, cut down to words and structure, so that nothing in them can act."""

from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from markupsafe import Markup

_TAGS = frozenset(
    [
        "p",
        "br",
        "hr",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "strong",
        "b",
        "em",
        "i",
        "u",
        "small",
        "sub",
        "sup",
        "abbr",
        "address",
        "blockquote",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "a",
        "section",
        "div",
        "span",
        "code",
    ]
)
_EMPTY = frozenset({"br", "hr"})
_SILENT = frozenset({"script", "style", "template", "iframe", "object", "svg", "math", "noscript", "title", "textarea"})
_LINKS = frozenset({"", "https", "http", "mailto", "tel"})


def plain_html(source: str) -> Markup:
    """Keep headings, paragraphs, lists, tables and plain links; drop every other tag, attribute and comment."""
    cutter = _Cutter()
    cutter.feed(source)
    cutter.close()
    return Markup(cutter.finished())  # noqa: S704 - built here from escaped text and known tags alone


class _Cutter(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._written: list[str] = []
        self._open: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _TAGS and not self._silent:
            self._written.append(f"<{tag}{_link(attrs) if tag == 'a' else ''}>")
            if tag not in _EMPTY:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in _EMPTY:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in self._open and not self._silent:
            while (last := self._open.pop()) != tag:
                self._written.append(f"</{last}>")
            self._written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._written.append(escape(data))

    def finished(self) -> str:
        return "".join([*self._written, *(f"</{tag}>" for tag in reversed(self._open))])


def _link(attributes: Sequence[tuple[str, str | None]]) -> str:
    target = (dict(attributes).get("href") or "").strip()
    try:
        scheme = urlsplit(target).scheme
    except ValueError:
        return ""
    if scheme not in _LINKS or any(ord(letter) <= ord(" ") for letter in target):
        return ""
    return f' href="{escape(target)}" rel="noopener"'
