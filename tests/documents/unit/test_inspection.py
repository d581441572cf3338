"""The verdicts of a worker, without its process."""

import pytest

from documents.adapters.inspection_worker import inspect_pdf, inspect_xml
from tests.documents.making import pdf


@pytest.mark.parametrize(
    "content",
    [
        b"<a>",
        b"<a>&x;</a>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/a.dtd'><a/>",
        b"<a>" * 300 + b"</a>" * 300,
        "<a>ü</a>".encode("latin-1"),
    ],
)
def test_bad_xml_is_unreadable(content: bytes) -> None:
    """What is not well-formed, nested too deeply or has a document type is refused without looking outside."""
    verdict, detail = inspect_xml(content)
    assert verdict == b"U"
    assert "passwd" not in detail


def test_a_pdf_for_certificates_is_encrypted() -> None:
    """A PDF encrypted for certificates opens with no password at all and is told as encrypted."""
    broken = pdf().replace(b"trailer\n<<", b"trailer\n<< /Encrypt << /Filter /Adobe.PubSec /V 4 >>")
    assert inspect_pdf(broken)[0] == b"E"
