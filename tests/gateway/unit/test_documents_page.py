import re
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.portal.listing import Listing
from tests.gateway.fakes.documents import item
from tests.gateway.fakes.portal import FakePortal


async def page(portal: FakePortal, query: str = "", status: int = 200) -> str:
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(f"/dokumente{query}")
    assert answer.status_code == status
    return answer.text


async def test_a_document_shows_what_a_customer_looks_for(portal: FakePortal) -> None:
    """Number, both dates, type, the end of its time, the amount, and a way to the file."""
    portal.documents.items = [item(0, gross_amount="1234.56", currency="EUR")]
    text = await page(portal)
    for shown in ("R0099901888", "02.03.2018", "Rechnung", "verfügbar bis 02.04.2019", "1.234,56\xa0€", ">neu<"):
        assert shown in text
    assert f'href="/dokumente/{portal.document_id}/herunterladen"' in text


async def test_a_downloaded_document_is_new_no_more(portal: FakePortal) -> None:
    """The badge is gone after the download."""
    portal.documents.items = [item(0)]
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get(f"/dokumente/{portal.document_id}/herunterladen")
        assert answer.content == portal.documents.content
        assert ">neu<" not in (await browser.get("/dokumente")).text


async def test_an_unknown_type_is_shown_under_sonstige(portal: FakePortal) -> None:
    """A type that billing made up does not appear as a code word."""
    portal.documents.items = [item(0, document_type="pig_passport")]
    text = await page(portal)
    assert "Sonstige</td>" in text
    assert "pig_passport" not in text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?issued_from=gestern", "Bitte geben Sie ein gültiges Datum ein"),
        ("?issued_to=2018-02-30", "Bitte geben Sie ein gültiges Datum ein"),
        ("?issued_from=2018-13-01", "Bitte geben Sie ein gültiges Datum ein"),
        ("?issued_from=2018-03-02&issued_to=2018-03-01", "Das Ende des Zeitraums liegt vor seinem Anfang."),
    ],
)
async def test_a_wrong_period_is_told_beside_its_field(portal: FakePortal, query: str, message: str) -> None:
    """The typed text is kept, and documents is not asked for nonsense."""
    text = await page(portal, query, status=422)
    assert message in text
    assert f'value="{query.split("=")[1].split("&", maxsplit=1)[0]}"' in text
    assert not portal.documents.requests


def test_a_german_date_is_a_date() -> None:
    """Who types 2.3.2018 means what the calendar calls 2018-03-02."""
    assert Listing.of({"issued_from": "2.3.2018"}).issued_from == "2018-03-02"
    assert Listing.of({"issued_from": "31.02.2018"}).errors


@pytest.mark.parametrize(
    "query",
    [
        "?sort=password",
        "?sort=--issued_on",
        "?group=customer",
        "?type=%3Cscript%3E",
        "?new=maybe",
        "?q=%00%0a",
        "?type=" + "a" * 99,
    ],
)
async def test_choices_that_do_not_exist_count_as_not_made(portal: FakePortal, query: str) -> None:
    """A hand-made address shows the plain list."""
    await page(portal, query)
    assert dict(portal.documents.requests[-1].query_params) == {"sort": "-published_at"}


async def test_everything_asked_for_reaches_documents(portal: FakePortal) -> None:
    """Search, filters, order and group are one question."""
    await page(
        portal,
        "?q=%20R00%20%20x&type=invoice&issued_from=2018-01-01&issued_to=2018-12-31&new=true&sort=issued_on&group=year",
    )
    assert dict(portal.documents.requests[-1].query_params) == {
        "q": "R00 x", "type": "invoice", "issued_from": "2018-01-01", "issued_to": "2018-12-31",
        "new": "true", "sort": "issued_on", "group": "year",
    }  # fmt: skip


async def test_more_are_shown_by_the_cursor(portal: FakePortal) -> None:
    """The link to more keeps the search; the last page has none."""
    portal.documents.items = [item(number) for number in range(60)]
    text = await page(portal, "?q=R00&sort=issued_on")
    link = re.search(r'href="([^"]+)" rel="next">Weitere anzeigen', text)
    assert link
    asked = parse_qs(urlsplit(link[1].replace("&amp;", "&")).query)
    assert asked == {"q": ["R00"], "sort": ["issued_on"], "cursor": ["50"]}
    text = await page(portal, "?cursor=50")
    assert "Weitere anzeigen" not in text
    assert "Zum Anfang" in text


async def test_a_cursor_that_is_none_leads_to_the_beginning(portal: FakePortal) -> None:
    """An old or broken link shows the list from its start."""
    async with portal.browser(portal.signed_in()) as browser:
        answer = await browser.get("/dokumente?q=R00&cursor=tampered")
    assert (answer.status_code, answer.headers["location"]) == (303, "/dokumente?q=R00")


async def test_groups_have_heads_counts_and_links(portal: FakePortal) -> None:
    """A month's link is the list of that month."""
    portal.documents.items = [item(0), item(1), item(2)]
    text = (await page(portal, "?group=month")).replace("&amp;", "&")
    assert "<strong>März 2018</strong>" in text
    assert "<strong>Februar 2018</strong>" in text
    assert "/dokumente?issued_from=2018-02-01&issued_to=2018-02-28" in text
    assert "2 Dokumente" in text
    assert "1 Dokument<" in text


async def test_an_empty_list_says_why(portal: FakePortal) -> None:
    """Nothing found and nothing there are two different things."""
    assert "Keine Dokumente gefunden" in await page(portal, "?q=gibtsnicht")
    portal.documents.items = []
    assert "Noch keine Dokumente" in await page(portal)


def test_a_columns_head_turns_the_order() -> None:
    """The first click orders upwards, the second downwards; the default order needs no word."""
    assert Listing.of({}).sorted_by("issued_on") == "/dokumente?sort=issued_on"
    assert Listing.of({"sort": "issued_on", "q": "x"}).sorted_by("issued_on") == "/dokumente?q=x&sort=-issued_on"
    assert Listing.of({"sort": "published_at"}).sorted_by("published_at") == "/dokumente"
