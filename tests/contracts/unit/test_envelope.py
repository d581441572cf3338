"""Headers: what is read as an envelope, and what is refused."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kundenportal_contracts.envelope import Envelope, EventInvalid, read_envelope, write_headers

GOOD = {
    "ce_specversion": b"1.0",
    "ce_id": b"a-1",
    "ce_source": b"billing/sap-1",
    "ce_type": b"billing.DocumentIssued.v1",
    "ce_time": b"2026-11-23T10:15:00Z",
    "content-type": b"application/json",
}


def headers(**changed: bytes | None) -> list[tuple[str, bytes]]:
    values = {**GOOD, **{name.replace("content_type", "content-type"): value for name, value in changed.items()}}
    return [(name, value) for name, value in values.items() if value is not None]


@pytest.mark.parametrize("name", ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"])
@pytest.mark.parametrize("value", [None, b"", b"   ", b"\xff\xfe", b"a\x00b", b"a\nb", b"x" * 257])
def test_an_attribute_without_a_usable_value_is_named(name: str, value: bytes | None) -> None:
    """Each attribute is needed, in UTF-8, without control characters and of bounded length."""
    with pytest.raises(EventInvalid, match=name) as refused:
        read_envelope(headers(**{name: value}))
    assert refused.value.reason == "malformed_event"


@pytest.mark.parametrize(
    "time",
    [
        b"yesterday",
        b"2026-11-23",
        b"2026-11-23T10:15:00",
        b"2026-13-23T10:15:00Z",
        b"2026-11-23T25:15:00Z",
        b"1764000000",
        b"20261123T101500Z",
        b"2026-W48-1T10:15:00Z",
        b"0001-01-01T00:00:00+23:59",
        b"2026-11-23T10:15:00+99:99",
        "\N{FULLWIDTH DIGIT TWO}026-11-23T10:15:00Z".encode(),
    ],
)
def test_a_time_that_is_not_rfc_3339_is_refused(time: bytes) -> None:
    """A date, a time without offset, a number, a year before the first: none of them says when."""
    with pytest.raises(EventInvalid, match="ce_time"):
        read_envelope(headers(ce_time=time))


@pytest.mark.parametrize("value", [b"text/plain", b"application/xml", b"application/json; charset=latin-1", b"json"])
def test_a_content_type_other_than_json_is_refused(value: bytes) -> None:
    """The value is JSON in UTF-8, whatever the header claims otherwise."""
    with pytest.raises(EventInvalid, match="content-type"):
        read_envelope(headers(content_type=value))


@pytest.mark.parametrize("value", [None, b"application/json", b"Application/JSON;charset=UTF-8"])
def test_json_is_json_in_any_spelling(value: bytes | None) -> None:
    """The content type may be spelled out or left out."""
    assert read_envelope(headers(content_type=value)).id == "a-1"


def test_another_specversion_is_refused() -> None:
    """Only CloudEvents 1.0 is spoken here."""
    with pytest.raises(EventInvalid, match="ce_specversion"):
        read_envelope(headers(ce_specversion=b"0.3"))


def test_an_attribute_that_stands_there_twice_is_refused() -> None:
    """Two ids leave open which one is meant."""
    with pytest.raises(EventInvalid, match="ce_id"):
        read_envelope([*headers(), ("ce_id", b"b-2")])


def test_the_time_is_told_in_utc() -> None:
    """An offset changes the reading, not the moment."""
    assert read_envelope(headers(ce_time=b"2026-11-23T11:15:00.5+01:00")).time == datetime(
        2026, 11, 23, 10, 15, 0, 500_000, tzinfo=UTC
    )


def test_what_is_written_is_read_the_same() -> None:
    """An envelope comes back from its headers, and what goes along is left as it is."""
    time = datetime(2026, 11, 23, 11, 15, tzinfo=timezone(timedelta(hours=1)))
    written = write_headers(Envelope("ä-1", "billing/sap-1", "x.Y.v1", time), [("traceparent", b"00-1-2-01")])
    assert read_envelope(written) == Envelope("ä-1", "billing/sap-1", "x.Y.v1", time.astimezone(UTC))
    assert written[-1] == ("traceparent", b"00-1-2-01")


@given(st.lists(st.tuples(st.sampled_from([*GOOD, "traceparent", "ß"]), st.none() | st.binary(max_size=300))))
def test_no_headers_cause_another_error(found: list[tuple[str, bytes]]) -> None:
    """Whatever the headers hold, the answer is an envelope or EventInvalid."""
    with suppress(EventInvalid):
        read_envelope([*headers(ce_id=None), *found])


@given(st.text(max_size=40))
def test_no_time_causes_another_error(time: str) -> None:
    """Any text at all as ce_time is a moment in UTC or EventInvalid."""
    with suppress(EventInvalid):
        assert read_envelope(headers(ce_time=time.encode(errors="surrogatepass"))).time.tzinfo is UTC
