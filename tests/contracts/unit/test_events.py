"""The bounds of each field, worst inputs first."""

import json
from base64 import b64encode
from typing import Any
from uuid import UUID

import pytest

from kundenportal_contracts.billing import INLINE_BYTES, CustomerRegistered, DocumentIssued, object_belongs_to
from kundenportal_contracts.documents import DocumentRejected
from kundenportal_contracts.envelope import EventInvalid, decode
from kundenportal_contracts.fields import customer_number_or_none, document_number_or_none
from kundenportal_contracts.identity import CustomerRejected
from tests.contracts.fakes import CUSTOMER, DOCUMENT

ISSUED: dict[str, Any] = {
    **DOCUMENT,
    "media_type": "application/pdf",
    "size": 3,
    "sha256": "5c" * 32,
    "content": {"inline": "YWJj"},
    "due_on": None,
}
HOSTILE = {
    "header injection": "Max\r\nBcc: evil@example.com",
    "line break": "Max\nMustermann",
    "NUL": "Max\0",
    "escape": "\x1b[31mMax",
    "C1 control": "Max\x85",
    "line separator": "Max\u2028Mustermann",
    "reversed": "Max\u202egpj.exe",
    "encoded word": "=?utf-8?q?hi=0D=0ABcc:_e@x.y?=",
    "encoded word inside": "Max =?ISO-8859-1?B?QmNj?= M",
}
BAD_CUSTOMERS: dict[str, list[Any]] = {
    "customer_number": [
        "",
        "47/11",
        "../4711",
        "-4711",
        "4711\n",
        "4711 ",
        "\N{FULLWIDTH DIGIT FOUR}711",
        "4" * 33,
        4711,
        None,
    ],
    "company": ["", "   ", "x" * 201, 5, None],
    "email": [
        "",
        "max",
        "max@",
        "@mail.de",
        "max@mail",
        "max@@mail.de",
        "max @mail.de",
        "max@mail.de\r\nBcc: x@y.z",
        "Max <max@mail.de>",
        "max@mail.de,eve@mail.de",
        '"max mustermann"@mail.de',
        "max@[127.0.0.1]",
        "max@127.0.0.1",
        ".max@mail.de",
        "max..m@mail.de",
        "max@-mail.de",
        "max@mail..de",
        "mäx@mail.de",
        "max@straße.de",
        "=?utf-8?q?x?=@mail.de",
        "m" * 65 + "@mail.de",
        "max@" + "a." * 130 + "de",
        None,
    ],
    "username": [5, "x" * 257],
    "salutation": ["Frau", "", None],
    "language": ["fr", "DE", None],
    "first_name": ["x" * 101, None],
    "last_name": ["x" * 101, None],
}
BAD_DOCUMENTS: dict[str, list[Any]] = {
    "customer_number": ["", "a b", None],
    "document_number": ["", " ", "a/b", "a\\b", "x" * 65, "a\u200bb", "a\tb", 1, None],
    "document_type": ["", "x" * 65, None],
    "issued_on": [
        "",
        "02.03.2018",
        "2018-3-2",
        "2018-02-30",
        "20180302",
        "2018-03-02T00:00:00",
        "2018-W09-5",
        1519948800,
        "1899-12-31",
        "2200-01-01",
        "9999-12-31",
        None,
    ],
    "media_type": ["text/html", "application/pdf; charset=x", None],
    "size": [-1, 1.5, 3.0, "3", True, None],
    "sha256": ["", "5c" * 31, "zz" * 32, "5c" * 32 + "\n", None],
    "gross_amount": [119.0, "119,00", "1.190,00", "1e3", "NaN", "+1", ".5", "1.", "١١٩.00", "1" * 16, "1.00\n"],
    "currency": ["eur", "EURO", "€", 1],
    "due_on": ["bald", 0, "0001-01-01"],
    "content": [
        None,
        "YWJj",
        {},
        {"inline": "YWJj", "object": {"key": "billing/sap-1/x"}},
        {"inline": "YWJ"},
        {"inline": "YW\nJj"},
        {"inline": "YWJj="},
        {"inline": "YQ==YQ=="},
        {"inline": "YR=="},
        {"inline": "===="},
        {"inline": '"YWJj'},
        {"inline": "_-8="},
        {"inline": "ÄÖÜ="},
        {"inline": [1]},
        {"inline": b64encode(bytes(INLINE_BYTES + 1)).decode()},
        {"object": {}},
        {"object": "billing/sap-1/x"},
        {"object": {"key": ""}},
        {"object": {"key": "a\0b"}},
        {"object": {"key": "x" * 1025}},
    ],
}


def each(bad: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}={ascii(value)[:30]}") for name, values in bad.items() for value in values
    ]


def refused_field(model: type[CustomerRegistered | DocumentIssued], fields: dict[str, Any]) -> str:
    with pytest.raises(EventInvalid) as refused:
        decode(model, json.dumps(fields).encode())
    assert refused.value.reason == "invalid_field"
    return (refused.value.field or "").partition(".")[0]


@pytest.mark.parametrize(("name", "value"), each(BAD_CUSTOMERS))
def test_a_bad_field_of_a_customer_is_named(name: str, value: object) -> None:
    """The refusal is invalid_field and names the field."""
    assert refused_field(CustomerRegistered, {**CUSTOMER, name: value}) == name


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("name", ["company", "first_name", "last_name", "username", "email"])
def test_text_of_a_customer_cannot_become_a_header(name: str, text: str) -> None:
    """Control characters, line breaks and encoded words are refused wherever people's text stands."""
    assert refused_field(CustomerRegistered, {**CUSTOMER, name: text}) == name


@pytest.mark.parametrize(("name", "value"), each(BAD_DOCUMENTS))
def test_a_bad_field_of_a_document_is_named(name: str, value: object) -> None:
    """The refusal is invalid_field and names the field."""
    assert refused_field(DocumentIssued, {**ISSUED, name: value}) == name


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("name", ["document_number", "document_type"])
def test_text_of_a_document_cannot_become_a_header(name: str, text: str) -> None:
    """A document's number and type stand in subjects and file names."""
    assert refused_field(DocumentIssued, {**ISSUED, name: text}) == name


@pytest.mark.parametrize("name", sorted(set(ISSUED) - {"gross_amount", "currency", "due_on"}))
def test_a_missing_field_is_named(name: str) -> None:
    """What has no null must be there."""
    assert refused_field(DocumentIssued, {key: value for key, value in ISSUED.items() if key != name}) == name


def test_odd_but_good_values_are_taken() -> None:
    """Unknown types, negative amounts, any size and capital hex digits are within bounds."""
    odd = {"document_type": "Jahresübersicht", "gross_amount": "-0.5", "size": 10**30, "sha256": "5C" * 32}
    event = DocumentIssued.model_validate({**ISSUED, **odd, "document_number": "RE 2018-03 (Łęcki)"})
    assert (event.sha256, event.size, event.content.inline) == ("5c" * 32, 10**30, b"abc")


@pytest.mark.parametrize("size", [0, INLINE_BYTES])
def test_inline_content_fills_its_bounds(size: int) -> None:
    """Nothing at all and exactly 512 KiB can stand in the record; what the bytes are is judged elsewhere."""
    event = DocumentIssued.model_validate({**ISSUED, "content": {"inline": b64encode(bytes(size)).decode()}})
    assert event.content.inline == bytes(size)


@pytest.mark.parametrize(
    ("wish", "granted"),
    [("s8u8i1", "s8u8i1"), ("Max.Muster", "max.muster"), ("ab", None), ("müller", None), ("-x1", None), (None, None)],
)
def test_a_username_outside_the_rules_refuses_no_customer(wish: str | None, granted: str | None) -> None:
    """Billing's wish is compared without case; where it cannot be granted one is made."""
    assert CustomerRegistered.model_validate({**CUSTOMER, "username": wish}).wished_username == granted


def test_a_municipality_has_no_first_name() -> None:
    """Names may be empty, and an umlaut domain arrives in the form that every mail server takes."""
    event = CustomerRegistered.model_validate({**CUSTOMER, "first_name": "", "email": "post@müller.de"})
    assert (event.first_name, event.email) == ("", "post@xn--mller-kva.de")


@pytest.mark.parametrize(
    "key",
    [
        "billing/sap-2/x",
        "billing/sap-10/x",
        "billing/sap-1/../sap-2/x",
        "billing/sap-1//x",
        "billing/sap-1/",
        "billing/sap-1",
        "/billing/sap-1/x",
        "billing/sap-1/..\\x",
    ],
)
def test_an_object_outside_the_prefix_is_foreign(key: str) -> None:
    """A speaker refers to objects below its own source and to no others."""
    assert not object_belongs_to("billing/sap-1", key)
    assert object_belongs_to("billing/sap-1", "billing/sap-1/2026/11/23/R0099901888.pdf")


@pytest.mark.parametrize("value", [None, 5, "a/b", "", "\ud800", ["4711"]])
def test_a_number_out_of_bounds_is_not_repeated(value: object) -> None:
    """A rejection repeats a number only where it is one."""
    assert customer_number_or_none(value) is None
    assert document_number_or_none(value) is None
    assert (customer_number_or_none("4711"), document_number_or_none("R 1")) == ("4711", "R 1")


def test_a_rejection_takes_any_detail() -> None:
    """What a machine said about an error is cleaned and cut, never refused."""
    rejected = CustomerRejected(
        customer_number=None, ce_source="x\r\ny", ce_id="a\ud800", reason="invalid_field", detail="\0" + "x" * 5000
    )
    assert (rejected.ce_source, rejected.ce_id, rejected.key) == ("x  y", "a ", "a ")
    assert len(rejected.detail) == 1000


def test_a_rejection_without_a_customer_goes_by_its_quarantine() -> None:
    """The key is the customer's number, else what is always there."""
    quarantine = UUID("0d9c8b7a-6f5e-4d3c-9b2a-1f0e9d8c7b6a")
    rejected = DocumentRejected(
        customer_number=None,
        document_number=None,
        ce_source=None,
        ce_id=None,
        reason="malformed_event",
        detail="",
        quarantine_id=quarantine,
    )
    assert rejected.key == str(quarantine)
    assert rejected.model_copy(update={"customer_number": "4711"}).key == "4711"
