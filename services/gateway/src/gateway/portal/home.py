"""`/`, the Hauptansicht: every option as a tile, and what is new."""

from fastapi import APIRouter, Request, Response

from gateway.answers import DocumentList, read
from gateway.parts import Parts, UsedParts
from gateway.portal.visits import Visit, accepted, visit
from gateway.upstreams import ServiceUnavailable

router = APIRouter()

_SHOWN = 5
_COUNTED = 100


@router.api_route("/", methods=["GET", "HEAD"])
async def show(request: Request, parts: UsedParts) -> Response:
    here = await visit(request, parts)
    new = await _new_documents(parts, here)
    more = new is not None and new.next_cursor is not None
    return parts.pages.html(
        "home.html", visitor=here.visitor, new=new and new.items[:_SHOWN], count=new and len(new.items), more=more
    )


async def _new_documents(parts: Parts, here: Visit) -> DocumentList | None:
    """Give the new documents, or None while they cannot be told: the tiles work without."""
    query = {"new": "true", "sort": "-published_at", "limit": str(_COUNTED)}
    try:
        answer = await parts.upstreams.documents.call("GET", "/api/v1/documents", headers=here.headers, query=query)
        return read(DocumentList, accepted(answer), "documents")
    except ServiceUnavailable:
        return None
