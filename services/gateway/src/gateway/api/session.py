"""`/api/v1/session`: signing in and out. The token that identity makes becomes a cookie and is told nowhere else."""

from fastapi import APIRouter, Request, Response

from chassis.principal import SESSION_HEADER
from gateway.forwarding import changing, is_success, passed_on, said
from gateway.origin_rule import has_bearer
from gateway.parts import UsedParts, client
from gateway.principals import NotSignedIn

router = APIRouter()

PATH = "/api/v1/session"


@router.post(PATH)
async def sign_in(request: Request, parts: UsedParts) -> Response:
    if has_bearer(request):
        raise NotSignedIn  # a Bearer passes the origin rule, and must not open a session on its way
    answer = await parts.upstreams.identity.call(
        "POST", PATH, headers={**said(request), **client(request)}, body=await request.body()
    )
    response = passed_on(answer)
    if is_success(answer):
        parts.cookie.set(response, answer.headers[SESSION_HEADER])
    return response


@router.api_route(PATH, methods=["GET", "HEAD"])
async def show(request: Request, parts: UsedParts) -> Response:
    return passed_on(await parts.upstreams.identity.call("GET", PATH, headers=parts.as_session(request)))


@router.delete(PATH)
async def sign_out(request: Request, parts: UsedParts) -> Response:
    with changing(parts, parts.token(request)):
        answer = await parts.upstreams.identity.call("DELETE", PATH, headers=parts.as_session(request))
    response = passed_on(answer)
    if is_success(answer):
        parts.cookie.delete(response)
    return response
