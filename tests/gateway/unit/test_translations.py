import re
from importlib.resources import files
from io import BytesIO

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from gateway.translations import known_language, translations

PACKAGE = files("gateway")
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]


def texts_in_code() -> set[object]:
    found = extract_from_dir(
        str(PACKAGE), METHODS, keywords={"_": None, "mark": None, "gettext": None, "ngettext": (1, 2)}
    )
    return {message for _, _, message, _, _ in found}


def test_every_text_has_its_english_and_no_english_is_left_over() -> None:
    """The catalogue holds exactly the texts of templates and code."""
    source = (PACKAGE / "locales" / "en" / "LC_MESSAGES" / "gateway.po").read_bytes()
    catalogue = read_po(BytesIO(source), locale="en")
    told = {message.id if isinstance(message.id, str) else tuple(message.id) for message in catalogue if message.id}
    assert texts_in_code() - told == set()
    assert told - texts_in_code() == set()
    for message in catalogue:
        translated = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(translated), message.id
        assert not message.fuzzy


def test_placeholders_are_the_same_in_both_languages() -> None:
    """A translation with another placeholder would fail before a visitor."""
    source = (PACKAGE / "locales" / "en" / "LC_MESSAGES" / "gateway.po").read_bytes()
    for message in read_po(BytesIO(source), locale="en"):
        ids = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
        strings = [str(text) for text in (message.string if isinstance(message.string, tuple) else (message.string,))]
        expected = set(re.findall(r"%\(\w+\)s", str(ids[-1])))
        assert all(set(re.findall(r"%\(\w+\)s", text)) <= expected for text in strings), message.id


def test_every_template_is_translatable() -> None:
    """No German word stands in a template outside of a message."""
    german = re.compile(r">[^<{]*\b(der|die|das|und|nicht|Bitte|Sie|Ihre?|bis|von|ab)\b[^<{]*<")
    for name in (PACKAGE / "templates").iterdir():
        if name.is_file():
            assert not german.search(name.read_text("utf-8")), name


def test_german_needs_no_catalogue() -> None:
    """The words in templates are the German ones; an unknown language reads German, too."""
    assert translations("de").gettext("Dokumente") == "Dokumente"
    assert translations("en").gettext("Dokumente") == "Documents"
    assert translations("en").ngettext("%(num)s Dokument", "%(num)s Dokumente", 2) == "%(num)s documents"
    assert known_language("fr") == "de"
    assert known_language(None) == "de"
