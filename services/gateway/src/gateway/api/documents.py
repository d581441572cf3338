"""`/api/v1/documents`: the list, one document with its deliveries, and its bytes."""

import json

from fastapi import APIRouter, Request, Response

from gateway.documents import document_path, downloaded, the_deliveries
from gateway.forwarding import is_success, passed_on
from gateway.parts import UsedParts

router = APIRouter()

PATH = "/api/v1/documents"


@router.api_route(PATH, methods=["GET", "HEAD"])
async def listed(request: Request, parts: UsedParts) -> Response:
    headers = await parts.as_principal(request)
    return passed_on(await parts.upstreams.documents.call("GET", PATH, headers=headers, query=request.url.query))


@router.api_route(PATH + "/{document_id}", methods=["GET", "HEAD"])
async def one(document_id: str, request: Request, parts: UsedParts) -> Response:
    """Give the document; `deliveries` is null while the notifier is away."""
    path = document_path(document_id)
    headers = await parts.as_principal(request)
    answer = await parts.upstreams.documents.call("GET", path, headers=headers)
    if not is_success(answer):
        return passed_on(answer)
    deliveries = await the_deliveries(parts, headers, document_id)
    body = {**answer.json(), "deliveries": json.loads(deliveries.body)["items"] if deliveries else None}
    return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")


@router.api_route(PATH + "/{document_id}/content", methods=["GET", "HEAD"])
async def content(document_id: str, request: Request, parts: UsedParts) -> Response:
    return await downloaded(request, parts, document_id)
