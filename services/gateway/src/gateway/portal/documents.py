"""`/dokumente`: the list with search, grouping, filters and order."""

from calendar import monthrange
from collections.abc import Iterable
from http import HTTPStatus
from itertools import groupby

from fastapi import APIRouter, Request, Response

from gateway.answers import Document, DocumentList, Group, read
from gateway.errors import redirect
from gateway.parts import UsedParts
from gateway.portal.listing import Listing
from gateway.portal.visits import accepted, visit
from gateway.words import DOCUMENT_TYPES, OTHER_TYPE

router = APIRouter()


@router.api_route("/dokumente", methods=["GET", "HEAD"])
async def show(request: Request, parts: UsedParts) -> Response:
    here, listing = await visit(request, parts), Listing.of(request.query_params)
    found = DocumentList(items=())
    if not listing.errors:
        answer = await parts.upstreams.documents.call(
            "GET", "/api/v1/documents", headers=here.headers, query=listing.upstream()
        )
        if listing.cursor and answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
            return redirect(listing.link())
        found = read(DocumentList, accepted(answer), "documents")
    return parts.pages.html(
        "documents.html",
        visitor=here.visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if listing.errors else HTTPStatus.OK,
        listing=listing,
        found=found,
        groups=ordered(found.groups or (), listing.group),
        sections=sections(found, listing.group),
        group_link=lambda group: group_link(listing, group),
    )


def ordered(groups: Iterable[Group], grouping: str) -> list[Group]:
    """Give the largest types first, the latest months and years first."""
    if grouping == "type":
        return sorted(groups, key=lambda group: (-group.count, group.key))
    return sorted(groups, key=lambda group: group.key, reverse=True)


def sections(found: DocumentList, grouping: str) -> list[tuple[Group | None, list[Document]]]:
    """Give the documents under the heads of their groups, in the list's own order."""
    if not grouping:
        return [(None, list(found.items))]
    counts = {group.key: group for group in found.groups or ()}
    return [
        (counts.get(key, Group(key=key, count=0)), list(documents))
        for key, documents in groupby(found.items, lambda document: group_key(document, grouping))
    ]


def group_key(document: Document, grouping: str) -> str:
    if grouping == "type":
        return document.document_type if document.document_type in DOCUMENT_TYPES else OTHER_TYPE
    return document.issued_on.isoformat()[: 4 if grouping == "year" else 7]


def group_link(listing: Listing, group: Group) -> str:
    """Give the list of one group alone."""
    if listing.group == "type":
        return listing.link(group="", type=group.key)
    year, _, month = group.key.partition("-")
    if not (year.isdigit() and (month or "1").isdigit()):
        return listing.link(group="")
    first, last = (
        (f"{year}-{month}-01", f"{year}-{month}-{monthrange(int(year), int(month))[1]}")
        if month
        else (
            f"{year}-01-01",
            f"{year}-12-31",
        )
    )
    return listing.link(group="", issued_from=first, issued_to=last)
