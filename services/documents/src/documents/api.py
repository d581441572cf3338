"""What documents serves: the list, one document, and for the gateway the link to its content."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response

from chassis.principal import Principal, PrincipalVerifier, authenticated
from chassis.problems import Problem, problem_response
from documents.domain import DocumentUnknown
from documents.ports import (
    CursorInvalid,
    DocumentShelf,
    Filters,
    Grouping,
    ListedDocument,
    Page,
    ShownVersion,
    SortField,
)
from documents.use_cases.open_document import OpenDocument

Text = Annotated[str, Query(max_length=200)]
TypeName = Annotated[str, Query(min_length=1, max_length=64)]
Limit = Annotated[int, Query(ge=1, le=200)]
VersionNumber = Annotated[int, Query(ge=1, le=2**31 - 1)]


def filters(
    q: Text = "",
    types: Annotated[list[TypeName] | None, Query(alias="type", max_length=50)] = None,
    issued_from: date | None = None,
    issued_to: date | None = None,
    new: bool | None = None,
) -> Filters:
    printable = tuple(sorted({name for name in types or () if name.isprintable()}))
    if types and not printable:
        raise Problem(422, "/problems/invalid-request", detail="type is no document type")
    return Filters(q, printable, issued_from, issued_to, new)


def page(
    sort: Annotated[
        str, Query(pattern=r"^[+ -]?(published_at|issued_on|document_number|document_type)$")
    ] = "-published_at",
    group: Grouping | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page:
    return Page(SortField(sort.lstrip("+ -")), sort.startswith("-"), group, limit, cursor)


def routes(shelf: DocumentShelf, open_document: OpenDocument, verifier: PrincipalVerifier) -> APIRouter:
    router = APIRouter()
    Reader = Annotated[Principal, Depends(authenticated(verifier))]  # noqa: N806 - a type made for these routes

    @router.get("/api/v1/documents")
    async def list_documents(
        reader: Reader, wanted: Annotated[Filters, Depends(filters)], asked: Annotated[Page, Depends(page)]
    ) -> Response:
        listing = await shelf.list(reader, wanted, asked)
        body: dict[str, Any] = {"items": [_item(one) for one in listing.items], "next_cursor": listing.next_cursor}
        if listing.groups is not None:
            body["groups"] = [asdict(group) for group in listing.groups]
        return JSONResponse(body)

    @router.get("/api/v1/documents/{document_id}")
    async def one_document(reader: Reader, document_id: str) -> Response:
        details = await shelf.details(reader, _id(document_id))
        versions = [_version(version) for version in details.versions]
        return JSONResponse({**_item(details.listed), "versions": versions})

    @router.get("/internal/documents/{document_id}/content")
    async def content(
        reader: Reader, document_id: str, version: VersionNumber | None = None, record: bool = True
    ) -> Response:
        return JSONResponse(asdict(await open_document(reader, _id(document_id), version, record=record)))

    return router


def add_document_problems(app: FastAPI) -> None:
    async def unknown(_request: Request, _error: Exception) -> Response:
        return problem_response(Problem(404, "/problems/document-unknown", "There is no such document"))

    async def invalid_cursor(_request: Request, _error: Exception) -> Response:
        return problem_response(Problem(422, "/problems/invalid-cursor", "The cursor does not belong to this list"))

    app.add_exception_handler(DocumentUnknown, unknown)
    app.add_exception_handler(CursorInvalid, invalid_cursor)


def _id(text: str) -> UUID:
    """What is no id at all is answered like an id that is unknown."""
    try:
        return UUID(text)
    except ValueError:
        raise DocumentUnknown from None


def _item(listed: ListedDocument) -> dict[str, Any]:
    return {
        "id": str(listed.id),
        "document_number": listed.document_number,
        "document_type": listed.document_type,
        "issued_on": listed.issued_on.isoformat(),
        "published_at": _instant(listed.published_at),
        "available_until": listed.available_until.isoformat(),
        "version": listed.version,
        "corrected": listed.corrected,
        "new": listed.new,
        "media_type": listed.media_type,
        "size": listed.size,
        "has_xml": listed.has_xml,
        "gross_amount": listed.gross_amount,
        "currency": listed.currency,
    }


def _version(shown: ShownVersion) -> dict[str, Any]:
    return {
        "version": shown.version,
        "current": shown.current,
        "document_type": shown.document_type,
        "issued_on": shown.issued_on.isoformat(),
        "published_at": _instant(shown.published_at),
        "available_until": shown.available_until.isoformat(),
        "media_type": shown.media_type,
        "size": shown.size,
        "sha256": shown.sha256,
        "gross_amount": shown.gross_amount,
        "currency": shown.currency,
        "due_on": shown.due_on.isoformat() if shown.due_on else None,
    }


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
