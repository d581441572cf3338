import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.notice_html import plain_html


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<SCRIPT src=//evil></SCRIPT>",
        "<img src=x onerror=alert(1)>",
        "<p onclick='alert(1)'>a</p>",
        "<a href='javascript:alert(1)'>a</a>",
        "<a href='java\tscript:alert(1)'>a</a>",
        "<a href=' javascript:alert(1)'>a</a>",
        "<iframe src=//evil></iframe>",
        "<svg><script>alert(1)</script></svg>",
        "<style>*{}</style>",
        "<form action=//evil><input></form>",
        "<!-- <script> -->",
        "<p style='x'>a</p>",
        "<base href=//evil>",
    ],
)
def test_nothing_in_a_text_can_act(source: str) -> None:
    """Scripts, handlers, styles, frames and forms are gone, whoever wrote them."""
    left = str(plain_html(source))
    assert not re.search(r"<(?!/?(p|a|svg)\b)|on\w+=|style=|javascript|alert", left)


def test_words_and_structure_stay() -> None:
    """Headings, lists, tables and plain links are what a legal text needs."""
    source = '<h2>A &amp; B</h2><ul><li>x<li>y</ul><p>Mail <a href="mailto:a@b.de">a</a><br>z</p>'
    assert plain_html(source) == (
        '<h2>A &amp; B</h2><ul><li>x<li>y</li></li></ul><p>Mail <a href="mailto:a@b.de" rel="noopener">a</a><br>z</p>'
    )


@given(st.text(alphabet="<>/\"'= aphliscrt&;!-", max_size=120))
def test_every_tag_that_is_opened_is_closed(source: str) -> None:
    """A broken text cannot break the page around it."""
    left = str(plain_html(source))
    opened = re.findall(r"<(\w+)[^>]*>", left)
    closed = re.findall(r"</(\w+)>", left)
    assert sorted(tag for tag in opened if tag not in {"br", "hr"}) == sorted(closed)
