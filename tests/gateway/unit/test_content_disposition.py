import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.content_disposition import attachment


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Rechnung_R1.pdf", "Rechnung_R1.pdf"),
        ("Müller & Söhne €.pdf", "Mueller & Soehne EUR.pdf"),
        ("Łódź.pdf", "Lodz.pdf"),
        ("日本.pdf", "pdf"),
    ],
)
def test_old_readers_get_ascii_and_new_ones_the_true_name(name: str, plain: str) -> None:
    """Both names stand side by side wherever they differ."""
    value = attachment(name)
    assert re.match(r'attachment; filename="([^"]*)"', value)[1].strip(".") == plain  # type: ignore[index]
    assert plain == name or unquote(value.split("filename*=UTF-8''")[1]) == name


@pytest.mark.parametrize(
    "name", ['a"b.pdf', "a\r\nSet-Cookie: x=1.pdf", "../../etc/passwd", "a\\b.pdf", "\u202efdp.exe", ""]
)
def test_a_name_stays_a_name(name: str) -> None:
    """Nothing in a name ends the header, leaves the folder or turns the reading direction."""
    value = attachment(name)
    assert not re.search(r'[\r\n/\\]|\u202e|"[^"]*"[^"]*"', value)
    assert value.startswith('attachment; filename="')


@given(st.text(max_size=300))
def test_every_name_makes_one_line_of_ascii(name: str) -> None:
    """Whatever billing calls a document, the header can be sent."""
    value = attachment(name)
    assert value.isascii()
    assert value.isprintable()
    assert len(value) < 2500
