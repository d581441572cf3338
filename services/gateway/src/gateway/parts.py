"""What every route works with, chosen once at the start and found on the application."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from chassis.principal import CLIENT_HEADER, PRINCIPAL_HEADER, SESSION_HEADER
from gateway.origin_rule import has_bearer
from gateway.pages import Pages
from gateway.principals import NotSignedIn, Principals
from gateway.sessions import SessionCookie
from gateway.static_files import StaticFiles
from gateway.upstreams import Upstreams


@dataclass(frozen=True, slots=True)
class Parts:
    upstreams: Upstreams
    principals: Principals
    cookie: SessionCookie
    pages: Pages
    static: StaticFiles

    def token(self, request: Request) -> str:
        """Give the session's token. Raises NotSignedIn; a Bearer wins over the cookie, and none is given out yet."""
        token = self.cookie.token(request)
        if has_bearer(request) or token is None:
            raise NotSignedIn
        return token

    def as_session(self, request: Request) -> dict[str, str]:
        """Headers for identity's own calls."""
        return {SESSION_HEADER: self.token(request), **client(request)}

    async def as_principal(self, request: Request) -> dict[str, str]:
        """Headers for everybody else. Raises NotSignedIn, StepsPending or ServiceUnavailable."""
        return {PRINCIPAL_HEADER: await self.principals.of(self.token(request))}


def client(request: Request) -> dict[str, str]:
    return {CLIENT_HEADER: request.client.host} if request.client else {}


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


UsedParts = Annotated[Parts, Depends(_parts)]
