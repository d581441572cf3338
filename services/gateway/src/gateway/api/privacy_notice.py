"""`/api/v1/privacy-notice`: the text in force, open to everybody, and its acceptance."""

from fastapi import APIRouter, Request, Response

from gateway.forwarding import changing, passed_on, said
from gateway.parts import UsedParts

router = APIRouter()

PATH = "/api/v1/privacy-notice"
ACCEPTANCE = f"{PATH}/acceptance"


@router.api_route(PATH, methods=["GET", "HEAD"])
async def show(request: Request, parts: UsedParts) -> Response:
    headers = parts.as_session(request) if parts.cookie.token(request) else {}
    return passed_on(
        await parts.upstreams.identity.call("GET", PATH, headers={**said(request), **headers}, query=request.url.query)
    )


@router.post(ACCEPTANCE)
async def accept(request: Request, parts: UsedParts) -> Response:
    with changing(parts, parts.token(request)):
        return passed_on(
            await parts.upstreams.identity.call(
                "POST", ACCEPTANCE, headers={**said(request), **parts.as_session(request)}, body=await request.body()
            )
        )
