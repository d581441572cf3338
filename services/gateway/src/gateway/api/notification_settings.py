"""`/api/v1/notification-settings`: which mails the visitor wants."""

from fastapi import APIRouter, Request, Response

from gateway.forwarding import passed_on, said
from gateway.parts import UsedParts

router = APIRouter()

PATH = "/api/v1/notification-settings"


@router.api_route(PATH, methods=["GET", "HEAD"])
async def show(request: Request, parts: UsedParts) -> Response:
    return passed_on(await parts.upstreams.notifier.call("GET", PATH, headers=await parts.as_principal(request)))


@router.put(PATH)
async def store(request: Request, parts: UsedParts) -> Response:
    return passed_on(
        await parts.upstreams.notifier.call(
            "PUT", PATH, headers={**said(request), **await parts.as_principal(request)}, body=await request.body()
        )
    )
