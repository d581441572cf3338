"""Values: what is read as a JSON object, and that nothing else than EventInvalid ever escapes."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kundenportal_contracts.billing import CustomerClosed, CustomerRegistered, DocumentIssued
from kundenportal_contracts.documents import DocumentPublished
from kundenportal_contracts.envelope import VALUE_BYTES, EventData, EventInvalid, decode, encode, read_object
from kundenportal_contracts.identity import UserCreated
from kundenportal_contracts.notifier import MailSent

MODELS: list[type[EventData]] = [
    CustomerRegistered,
    CustomerClosed,
    DocumentIssued,
    DocumentPublished,
    UserCreated,
    MailSent,
]


def nested(lists: int) -> bytes:
    return b'{"x": [' + b"[" * (lists - 1) + b"1" + b"]" * (lists - 1) + b', {"y": 2}]}'


NOT_AN_OBJECT = {
    "nothing": None,
    "empty": b"",
    "no JSON": b"%PDF-1.4",
    "half": b'{"customer_number": "47',
    "two": b"{} {}",
    "a list": b"[]",
    "text": b'"4711"',
    "null": b"null",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "Latin-1": '{"company": "Söhne"}'.encode("latin-1"),
    "NaN": b'{"size": NaN}',
    "minus infinity": b'{"size": -Infinity}',
    "a key twice": b'{"reason": "a", "reason": "b"}',
    "a key twice, deeper": b'{"content": [{"inline": "", "inline": ""}]}',
    "a number of 5,000 digits": b'{"size": ' + b"9" * 5000 + b"}",
    "half of a surrogate pair": b'{"reason": "\\ud83d"}',
    "half of a surrogate pair in a key": b'{"\\udc00": 1}',
    "100,000 lists": b'{"x": ' + b"[" * 100_000,
    "100,000 objects": b'{"x": ' * 100_000,
    "50,000 closed lists": b'{"x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "500 closed lists": nested(500),
    "a line break in text": b'{"reason": "a\nb"}',
    "too long": b'{"x": "' + b"x" * VALUE_BYTES + b'"}',
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("value", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT.keys())
def test_what_is_no_json_object_is_malformed(value: bytes | None) -> None:
    """One clean refusal, whatever is wrong with the bytes."""
    with pytest.raises(EventInvalid) as refused:
        decode(CustomerClosed, value)
    assert refused.value.reason == "malformed_event"
    assert len(refused.value.detail) <= 500


@pytest.mark.parametrize(
    "value",
    [
        b'{"size": 1e999}',
        b'{"size": 12345678901234567890123456789}',
        '{"ß": "\\ud83d\\ude00"}'.encode(),
        nested(499),
        b'{"x": ["' + b"[" * 1000 + b'"]}',
    ],
)
def test_odd_but_valid_json_is_read(value: bytes) -> None:
    """Judging fields is left to the model."""
    assert read_object(value)


def test_unknown_fields_are_ignored() -> None:
    """A speaker may say more than this version knows."""
    value = b'{"customer_number": "4711", "reason": "Ende", "new_in_2030": {"x": [1]}}'
    assert decode(CustomerClosed, value) == CustomerClosed(customer_number="4711", reason="Ende")


def test_equal_events_give_equal_bytes() -> None:
    """Keys stand in the model's order, without spaces, in UTF-8."""
    assert encode(CustomerClosed(reason="Ende für Łęcki", customer_number="4711")) == (
        '{"customer_number":"4711","reason":"Ende für Łęcki"}'.encode()
    )


def test_a_refusal_names_each_field_and_no_value() -> None:
    """The detail can be logged and told: field and rule, never what stood there."""
    with pytest.raises(EventInvalid) as refused:
        decode(CustomerClosed, b'{"customer_number": "secret/1"}')
    assert refused.value.reason == "invalid_field"
    assert refused.value.field == "customer_number"
    assert "reason" in refused.value.detail
    assert "secret" not in refused.value.detail + str(refused.value)


@given(st.binary(max_size=200))
def test_no_bytes_cause_another_error(value: bytes) -> None:
    """Any bytes at all are an object or EventInvalid."""
    with suppress(EventInvalid):
        assert isinstance(read_object(value), dict)


@settings(deadline=None)
@given(st.sampled_from(MODELS), st.data())
def test_no_fields_cause_another_error(model: type[EventData], data: st.DataObject) -> None:
    """Any JSON under the names of the fields is an event, which can be written again, or EventInvalid."""
    names = st.sampled_from(sorted(model.model_fields))
    fields: dict[str, Any] = data.draw(st.dictionaries(names, anything))
    with suppress(EventInvalid):
        event = decode(model, json.dumps(fields).encode())
        assert decode(model, encode(event)) == event
