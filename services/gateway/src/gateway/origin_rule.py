"""No state changes on the word of another site: its browser either says where a request comes from, or is refused."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_READING = frozenset({"GET", "HEAD", "OPTIONS"})

Refusal = Callable[[Request], Awaitable[Response]]


class OriginRule:
    """Lets a state change pass from our own pages, or with a Bearer token to the API, where no cookie counts."""

    def __init__(self, app: ASGIApp, public_origin: str, refusal: Refusal) -> None:
        self._app = app
        self._public_origin = public_origin
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READING or self._may_pass(request := Request(scope)):
            await self._app(scope, receive, send)
        else:
            await (await self._refusal(request))(scope, receive, send)

    def _may_pass(self, request: Request) -> bool:
        if has_bearer(request) and request.url.path.startswith("/api/"):
            return True
        return request.headers.getlist("sec-fetch-site") == ["same-origin"] or request.headers.getlist("origin") == [
            self._public_origin
        ]


def has_bearer(request: Request) -> bool:
    return request.headers.get("authorization", "").lower().startswith("bearer ")
