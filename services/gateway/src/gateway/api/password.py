"""`/api/v1/password`: the visitor's own new password."""

from fastapi import APIRouter, Request, Response

from gateway.forwarding import changing, passed_on, said
from gateway.parts import UsedParts

router = APIRouter()

PATH = "/api/v1/password"


@router.post(PATH)
async def change(request: Request, parts: UsedParts) -> Response:
    with changing(parts, parts.token(request)):
        return passed_on(
            await parts.upstreams.identity.call(
                "POST", PATH, headers={**said(request), **parts.as_session(request)}, body=await request.body()
            )
        )
