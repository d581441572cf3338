import pytest

from gateway.answers import Content
from tests.gateway.fakes.files import RangeAnswer
from tests.gateway.fakes.portal import FakePortal


def path(portal: FakePortal) -> str:
    return f"/api/v1/documents/{portal.document_id}/content"


async def test_the_bytes_come_as_they_lie_there(portal: FakePortal) -> None:
    """Length, hash, type and name say what the document is; one download is recorded."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(path(portal))
    assert answer.content == portal.documents.content
    assert answer.headers["content-length"] == str(len(portal.documents.content))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="Rechnung_R0099901888.pdf"'
    assert len(answer.headers["etag"]) == 66
    assert portal.documents.recorded == 1
    assert portal.files.opened == portal.files.closed == 1


@pytest.mark.parametrize("store", ["partial", "ok_with_part", "whole"])
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=995-2010", 995, 2010), ("bytes=-7", -7, None), ("bytes=50-", 50, None)],
)
async def test_a_range_is_answered_whatever_the_store_says(
    portal: FakePortal, store: RangeAnswer, asked: str, first: int, last: int | None
) -> None:
    """206, 200 with the part, and 200 with everything all become the part that was asked for."""
    portal.files.range_answer = store
    expected = portal.documents.content[first : None if last is None else last + 1]
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(path(portal), headers={"range": asked})
    assert answer.status_code == 206
    assert answer.content == expected
    assert answer.headers["content-length"] == str(len(expected))
    assert answer.headers["content-range"].endswith(f"/{len(portal.documents.content)}")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-1", "lines=1-2"])
async def test_what_is_not_one_range_is_the_whole(portal: FakePortal, asked: str) -> None:
    """Several ranges are not served in parts."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(path(portal), headers={"range": asked})
    assert (answer.status_code, answer.content) == (200, portal.documents.content)


async def test_a_range_behind_the_end_is_refused_with_the_size(portal: FakePortal) -> None:
    """416 tells how long the document is."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(path(portal), headers={"range": "bytes=99999999-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(portal.documents.content)}"


async def test_a_part_is_no_download(portal: FakePortal) -> None:
    """Whoever fetched four bytes has not seen the document: it stays new."""
    async with portal.browser(portal.signed_in()) as browser:
        assert (await browser.get(path(portal), headers={"range": "bytes=0-3"})).status_code == 206
        assert portal.documents.recorded == 0


async def test_a_range_of_another_version_is_the_whole(portal: FakePortal) -> None:
    """If-Range with a foreign ETag never glues two versions together."""
    headers = {"range": "bytes=0-9", "if-range": '"other"'}
    async with portal.browser(portal.signed_in()) as browser:
        assert (await browser.get(path(portal), headers=headers)).status_code == 200


async def test_a_copy_that_is_still_right_is_not_sent_again(portal: FakePortal) -> None:
    """304 costs no bytes and counts as no download; another ETag does both."""
    async with portal.browser(portal.signed_in()) as browser:
        tag = (await browser.head(path(portal))).headers["etag"]
        answer = await browser.get(path(portal), headers={"if-none-match": tag})
        assert (answer.status_code, answer.headers["etag"], portal.documents.recorded) == (304, tag, 0)
        assert (await browser.get(path(portal), headers={"if-none-match": '"old"'})).status_code == 200
    assert portal.documents.recorded == 1


async def test_head_tells_without_fetching(portal: FakePortal) -> None:
    """HEAD has every header of GET, opens nothing and records nothing."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.head(path(portal))
    assert answer.headers["content-length"] == str(len(portal.documents.content))
    assert answer.content == b""
    assert (portal.files.opened, portal.documents.recorded) == (0, 0)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
async def test_a_store_that_refuses_is_a_503(portal: FakePortal, status: int) -> None:
    """Nothing of the store's own answer is passed on."""
    portal.files.status = status
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(path(portal))
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_object_of_another_length_is_not_served(portal: FakePortal) -> None:
    """What the store holds has to be what documents promised, or nothing is sent."""
    portal.files.content = portal.files.content[:-1]
    async with portal.browser(portal.signed_in()) as browser:
        assert (await browser.get(path(portal))).status_code == 503


async def test_an_unknown_document_stays_unknown(portal: FakePortal) -> None:
    """A foreign id is the same 404 as one that never was; what is no id never reaches a service."""
    async with portal.browser(portal.signed_in()) as browser:
        for wrong in ("0000", "a%2Fb", "..%2f..%2finternal", "x" * 65, "a%0Ab"):
            for rest in ("", "/content"):
                assert (await browser.get(f"/api/v1/documents/{wrong}{rest}")).status_code == 404
    assert all(request.url.path.count("/") <= 5 for request in portal.documents.requests)
    assert not portal.files.opened


@pytest.mark.parametrize("version", ["0", "-1", "x", "1e3", "9999999999", "1&record=false"])
async def test_a_version_is_a_number(portal: FakePortal, version: str) -> None:
    """What cannot be a version is unknown, and nothing is smuggled into the question."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(path(portal), params={"version": version})
    assert answer.status_code == 404
    assert not portal.documents.requests


def test_a_media_type_is_one_of_two() -> None:
    """The hash is hex, so the ETag cannot end its header."""
    with pytest.raises(ValueError, match="sha256"):
        Content(url="u", filename="f", size=1, sha256='"\r\n', media_type="application/pdf")
