"""What a customer's user sees, be the shelf in memory or in PostgreSQL; a subclass's fixtures give both sides."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.testing.frozen_clock import FrozenClock
from documents.domain import Arrival, DocumentUnknown, Facts, stay_from
from documents.ports import CursorInvalid, DocumentShelf, Filters, Grouping, Page, SortField
from tests.documents.making import NOW, Transactions, reader

FACTS = Facts("invoice", date(2026, 11, 20), "application/pdf", 10, "119.00", "EUR", date(2026, 12, 4))


async def file(
    transactions: Transactions,
    number: str = "R1",
    *,
    content: str = "a",
    customer: str = "4711",
    said_at: datetime = NOW,
    published_at: datetime = NOW,
    **facts: Any,
) -> UUID:
    async with transactions.begin() as work:
        document = (await work.documents.lock([(customer, number)]))[customer, number]
        key = f"{customer}/{content}/{number}"
        arrival = Arrival(customer, number, content * 64, (said_at, number), replace(FACTS, **facts), key)
        document.file(arrival, stay_from(published_at, 13))
        await work.documents.save([document])
    return document.id


async def withdraw(transactions: Transactions, number: str, at: datetime) -> None:
    async with transactions.begin() as work:
        document = (await work.documents.lock([("4711", number)]))["4711", number]
        document.withdraw(at)
        await work.documents.save([document])


async def numbers(shelf: DocumentShelf, filters: Filters | None = None, **page: Any) -> list[str]:
    """The numbers of all pages, walked through by cursor; none comes twice."""
    found: list[str] = []
    listing = await shelf.list(reader(), filters or Filters(), Page(**page))
    while True:
        found += [one.document_number for one in listing.items]
        if listing.next_cursor is None:
            return found
        assert len(listing.items) == page["limit"]
        listing = await shelf.list(reader(), filters or Filters(), Page(**page, after=listing.next_cursor))


class ShelfContract:
    async def test_a_document_is_listed_with_its_facts(self, shelf: DocumentShelf, transactions: Transactions) -> None:
        """An item has the facts of the current version."""
        id_ = await file(transactions)
        listing = await shelf.list(reader(), Filters(), Page())
        [item] = listing.items
        assert (item.id, item.document_number, item.version, item.corrected, item.new) == (id_, "R1", 1, False, True)
        assert (item.issued_on, item.published_at, item.available_until) == (FACTS.issued_on, NOW, date(2027, 12, 23))
        assert (item.size, item.gross_amount, item.currency, item.has_xml) == (10, "119.00", "EUR", False)
        assert (listing.next_cursor, listing.groups) == (None, None)

    async def test_another_customers_document_is_as_unknown_as_none(
        self, shelf: DocumentShelf, transactions: Transactions
    ) -> None:
        """A foreign document is not listed, not told and not opened, like one that never was."""
        foreign = await file(transactions, customer="4712")
        assert await numbers(shelf) == []
        for id_ in (foreign, UUID(int=5)):
            with pytest.raises(DocumentUnknown):
                await shelf.details(reader(), id_)
            with pytest.raises(DocumentUnknown):
                await shelf.open_version(reader(), id_, None, record=True)

    async def test_the_current_version_is_shown_as_corrected(
        self, shelf: DocumentShelf, transactions: Transactions
    ) -> None:
        """Other bytes said later are listed as corrected; details tell both, newest first."""
        await file(transactions, content="a")
        id_ = await file(transactions, content="b", said_at=NOW + timedelta(minutes=1), gross_amount="120.50")
        details = await shelf.details(reader(), id_)
        assert (details.listed.version, details.listed.corrected) == (2, True)
        assert details.listed.gross_amount == "120.50"
        assert [(one.version, one.current) for one in details.versions] == [(2, True), (1, False)]

    async def test_an_older_version_that_came_late_corrects_nothing(
        self, shelf: DocumentShelf, transactions: Transactions
    ) -> None:
        """Arrived second but said first: the list stays with version 1, which is the correction."""
        await file(transactions, content="b", said_at=NOW)
        id_ = await file(transactions, content="a", said_at=NOW - timedelta(hours=1))
        listed = (await shelf.details(reader(), id_)).listed
        assert (listed.version, listed.corrected) == (1, True)

    async def test_what_is_withdrawn_is_not_there(self, shelf: DocumentShelf, transactions: Transactions) -> None:
        """A withdrawn document is gone from everywhere; a version said again later comes back alone."""
        id_ = await file(transactions, content="a")
        await file(transactions, content="b", said_at=NOW + timedelta(minutes=1))
        await withdraw(transactions, "R1", NOW + timedelta(minutes=2))
        assert await numbers(shelf) == []
        with pytest.raises(DocumentUnknown):
            await shelf.open_version(reader(), id_, 1, record=True)
        await file(transactions, content="a", said_at=NOW + timedelta(minutes=3))
        assert [one.version for one in (await shelf.details(reader(), id_)).versions] == [1]
        with pytest.raises(DocumentUnknown):
            await shelf.open_version(reader(), id_, 2, record=True)

    async def test_a_document_stays_until_the_end_of_its_last_day(
        self, shelf: DocumentShelf, transactions: Transactions, clock: FrozenClock
    ) -> None:
        """On its last day in Berlin it is there, a moment after midnight it is not."""
        id_ = await file(transactions)
        clock.advance(datetime(2027, 12, 23, 22, 59, tzinfo=NOW.tzinfo) - NOW)
        assert await numbers(shelf) == ["R1"]
        clock.advance(timedelta(minutes=2))
        assert await numbers(shelf) == []
        with pytest.raises(DocumentUnknown):
            await shelf.open_version(reader(), id_, None, record=True)

    async def test_a_document_is_new_until_its_user_downloads_it(
        self, shelf: DocumentShelf, transactions: Transactions
    ) -> None:
        """Downloading, once or twice, ends it for this user; a co-user and a new version see it as new."""
        id_ = await file(transactions)
        for _ in range(2):
            assert (await shelf.open_version(reader(), id_, None, record=True)).object_key == "4711/a/R1"
        assert await numbers(shelf, Filters(new=True)) == []
        assert await numbers(shelf, Filters(new=False)) == ["R1"]
        assert (await shelf.details(reader(user=2), id_)).listed.new
        await file(transactions, content="b", said_at=NOW + timedelta(minutes=1))
        assert await numbers(shelf, Filters(new=True)) == ["R1"]

    async def test_looking_without_record_leaves_it_new(self, shelf: DocumentShelf, transactions: Transactions) -> None:
        """Opening without record, as for HEAD, counts as no download."""
        id_ = await file(transactions)
        await shelf.open_version(reader(), id_, None, record=False)
        assert (await shelf.details(reader(), id_)).listed.new

    async def test_an_old_version_is_opened_by_its_number(
        self, shelf: DocumentShelf, transactions: Transactions
    ) -> None:
        """A former version stays provable; one that never was is unknown."""
        id_ = await file(transactions, content="a")
        await file(transactions, content="b", said_at=NOW + timedelta(minutes=1))
        opened = await shelf.open_version(reader(), id_, 1, record=True)
        assert (opened.version, opened.current, opened.sha256) == (1, False, "a" * 64)
        assert (await shelf.details(reader(), id_)).listed.new
        with pytest.raises(DocumentUnknown):
            await shelf.open_version(reader(), id_, 3, record=True)


async def several(transactions: Transactions) -> None:
    """Seven documents whose dates, numbers and types are ordered differently."""
    rows = [
        ("R3", "invoice", date(2026, 11, 1), 0, "119.00"),
        ("r1", "invoice", date(2026, 11, 1), 5, "1190.00"),
        ("R2", "credit_note", date(2026, 10, 31), 1, "-119.50"),
        ("G10", "credit_note", date(2025, 12, 31), 4, None),
        ("X1", "brochure", date(2026, 10, 1), 2, "0.99"),
        ("O1", "other", date(2025, 1, 1), 2, "1.19"),
        ("Ä1", "delivery_note", date(2026, 11, 2), 3, "118.99"),
    ]
    for number, document_type, issued_on, minute, amount in rows:
        await file(
            transactions,
            number,
            document_type=document_type,
            issued_on=issued_on,
            published_at=NOW - timedelta(minutes=minute),
            gross_amount=amount,
        )


class ShelfListContract:
    @pytest.mark.parametrize("limit", [1, 2, 3, 200])
    @pytest.mark.parametrize("descending", [True, False])
    @pytest.mark.parametrize("sort", SortField)
    async def test_pages_are_complete_and_in_order(
        self, shelf: DocumentShelf, transactions: Transactions, sort: SortField, descending: bool, limit: int
    ) -> None:
        """Whatever the page's size, all pages together are the whole list in its order."""
        await several(transactions)
        walked = await numbers(shelf, sort=sort, descending=descending, limit=limit)
        listing = await shelf.list(reader(), Filters(), Page(sort, descending))
        keys = [_key(one, sort) for one in listing.items]
        assert keys == sorted(keys, reverse=descending)
        assert walked == [one.document_number for one in listing.items]
        assert len(walked) == 7

    @pytest.mark.parametrize(
        ("grouping", "groups"),
        [
            (Grouping.TYPE, {"credit_note": 2, "delivery_note": 1, "invoice": 2, "other": 2}),
            (Grouping.MONTH, {"2026-11": 3, "2026-10": 2, "2025-12": 1, "2025-01": 1}),
            (Grouping.YEAR, {"2026": 5, "2025": 2}),
        ],
    )
    @pytest.mark.parametrize("descending", [True, False])
    async def test_groups_are_counted_and_stay_together(
        self,
        shelf: DocumentShelf,
        transactions: Transactions,
        grouping: Grouping,
        groups: dict[str, int],
        descending: bool,
    ) -> None:
        """Groups come with their counts on every page, and the documents of a group follow each other."""
        await several(transactions)
        page = Page(SortField.DOCUMENT_NUMBER, descending, grouping, limit=2)
        listing = await shelf.list(reader(), Filters(), page)
        assert {group.key: group.count for group in listing.groups or ()} == groups
        assert [group.key for group in listing.groups or ()] == list(groups)
        walked = await numbers(shelf, sort=SortField.DOCUMENT_NUMBER, descending=descending, grouping=grouping, limit=2)
        whole = await shelf.list(reader(), Filters(), replace(page, limit=200))
        assert walked == [one.document_number for one in whole.items]
        assert len(set(walked)) == 7

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("r", "R2 R3 r1"),
            ("R0", ""),
            ("10", "G10"),
            ("rechnung", "R3 r1"),
            ("Rechnung R3", "R3"),
            ("gutsch", "G10 R2"),
            ("invoice", "R3 r1"),
            ("sonst", "O1 X1"),
            ("119", "R3"),
            ("119,00", "R3"),
            ("119,00 €", "R3"),
            ("119.00", "R3"),
            ("118,9", "Ä1"),
            ("1.190", "r1"),
            ("1.190,00", "r1"),
            ("1190", "r1"),
            ("-119,5", "R2"),
            ("1,19", "O1"),
            ("01.11.2026", "R3 r1"),
            ("31.02.2026", ""),
            ("ä", "Ä1"),
            ("liefer ä1", "Ä1"),
            ("%", ""),
            ("_", ""),
            ("\x00", "G10 O1 R2 R3 X1 r1 Ä1"),
            ("", "G10 O1 R2 R3 X1 r1 Ä1"),
        ],
    )
    async def test_search_understands_what_germans_type(
        self, shelf: DocumentShelf, transactions: Transactions, text: str, found: str
    ) -> None:
        """A part of a number, a type's name, an amount or a date, in any case, all words together."""
        await several(transactions)
        assert sorted(await numbers(shelf, Filters(text))) == found.split()

    @pytest.mark.parametrize("text", ["1888", "r0099901888", "neuer typ ü", "Typ", "ü 1888 neuer"])
    async def test_a_number_is_found_by_its_parts(
        self, shelf: DocumentShelf, transactions: Transactions, text: str
    ) -> None:
        """The last digits find a number, and so do the words of one with blanks in it."""
        await several(transactions)
        await file(transactions, "R0099901888 Neuer Typ Ü")
        assert await numbers(shelf, Filters(text)) == ["R0099901888 Neuer Typ Ü"]

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            (Filters(types=("invoice",)), "R3 r1"),
            (Filters(types=("other",)), "O1 X1"),
            (Filters(types=("brochure", "credit_note")), "G10 R2 X1"),
            (Filters(issued_from=date(2026, 11, 1)), "R3 r1 Ä1"),
            (Filters(issued_to=date(2025, 12, 31)), "G10 O1"),
            (Filters(issued_from=date(2026, 10, 1), issued_to=date(2026, 10, 31)), "R2 X1"),
            (Filters(types=("invoice",), text="119"), "R3"),
            (Filters(new=True), "G10 O1 R2 R3 X1 r1 Ä1"),
        ],
    )
    async def test_filters_narrow_the_list(
        self, shelf: DocumentShelf, transactions: Transactions, filters: Filters, found: str
    ) -> None:
        """Type, period and search hold together; unknown types count as other."""
        await several(transactions)
        assert sorted(await numbers(shelf, filters)) == found.split()

    async def test_a_cursor_fits_its_own_list_alone(self, shelf: DocumentShelf, transactions: Transactions) -> None:
        """Another order, filter, group or customer, and a changed cursor, are refused."""
        await several(transactions)
        page = Page(limit=2)
        cursor = (await shelf.list(reader(), Filters(), page)).next_cursor
        assert cursor is not None
        after = replace(page, after=cursor)
        for who, filters, asked in (
            (reader("4712"), Filters(), after),
            (reader(), Filters("r"), after),
            (reader(), Filters(), replace(after, descending=False)),
            (reader(), Filters(), replace(after, sort=SortField.ISSUED_ON)),
            (reader(), Filters(), replace(after, grouping=Grouping.TYPE)),
            (reader(), Filters(), replace(after, after=cursor[:-2] + "AA")),
            (reader(), Filters(), replace(after, after="")),
            (reader(), Filters(), replace(after, after="ü")),
            (reader(), Filters(), replace(after, after="x" * 5000)),
        ):
            with pytest.raises(CursorInvalid):
                await shelf.list(who, filters, asked)


def _key(listed: Any, sort: SortField) -> Any:
    return listed.document_number.casefold() if sort is SortField.DOCUMENT_NUMBER else getattr(listed, sort)
