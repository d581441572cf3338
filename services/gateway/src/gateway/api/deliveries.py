"""`/api/v1/deliveries`: what became of the mails."""

from fastapi import APIRouter, Request, Response

from gateway.forwarding import passed_on
from gateway.parts import UsedParts

router = APIRouter()

PATH = "/api/v1/deliveries"


@router.api_route(PATH, methods=["GET", "HEAD"])
async def listed(request: Request, parts: UsedParts) -> Response:
    headers = await parts.as_principal(request)
    return passed_on(await parts.upstreams.notifier.call("GET", PATH, headers=headers, query=request.url.query))
