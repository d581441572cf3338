"""`/dokumente/{id}`: one document with its facts, versions and deliveries, and its download for a person at a browser."""

from fastapi import APIRouter, Request, Response

from gateway.answers import DeliveryList, DocumentDetails, read
from gateway.documents import document_path, downloaded, the_deliveries
from gateway.parts import UsedParts
from gateway.portal.visits import accepted, visit

router = APIRouter()


@router.api_route("/dokumente/{document_id}", methods=["GET", "HEAD"])
async def show(document_id: str, request: Request, parts: UsedParts) -> Response:
    path, here = document_path(document_id), await visit(request, parts)
    answer = await parts.upstreams.documents.call("GET", path, headers=here.headers)
    document = read(DocumentDetails, accepted(answer), "documents")
    told = await the_deliveries(parts, here.headers, document_id)
    deliveries = read(DeliveryList, told, "notifier").items if told else None
    return parts.pages.html("document.html", visitor=here.visitor, document=document, deliveries=deliveries)


@router.api_route("/dokumente/{document_id}/herunterladen", methods=["GET", "HEAD"])
async def download(document_id: str, request: Request, parts: UsedParts) -> Response:
    return await downloaded(request, parts, document_id)
