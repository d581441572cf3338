import pytest

from gateway.byte_ranges import ByteRange, RangeNotSatisfiable, asked_range, is_named_by


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=10-19", 10, 19),
        ("bytes=10-", 10, 99),
        ("bytes=-5", 95, 99),
        ("bytes=-500", 0, 99),
        ("bytes=90-5000", 90, 99),
        ("Bytes= 1-2 ", 1, 2),
    ],
)
def test_one_well_formed_range_is_cut_to_the_document(header: str, first: int, last: int) -> None:
    """First, last and suffix ranges follow RFC 9110."""
    assert asked_range(header, 100) == ByteRange(first, last, 100)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-2",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes=1-2-3",
        "bytes=\u0661-\u0662",
    ],
)
def test_no_range_several_or_nonsense_mean_the_whole(header: str | None) -> None:
    """What is not exactly one range is as if it had not been said."""
    assert asked_range(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_without_a_byte_of_the_document_is_refused(header: str) -> None:
    """A range behind the end has no answer but 416."""
    with pytest.raises(RangeNotSatisfiable):
        asked_range(header, 100)


@pytest.mark.parametrize(
    ("header", "expected"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("a", False), (None, False)],
)
def test_an_etag_is_found_in_if_none_match(header: str | None, expected: bool) -> None:
    """Lists, weak tags and the star are understood."""
    assert is_named_by('"a"', header) is expected
