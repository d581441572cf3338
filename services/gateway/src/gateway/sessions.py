"""The session cookie: its name and flags follow the public address, its value is identity's alone."""

import re
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

_TOKEN = re.compile(r"[!-~]{1,256}")


class SessionCookie:
    """`__Host-session` where the portal is on https; plain `session` on a loopback host, which settings alone let pass."""

    def __init__(self, public_url: str) -> None:
        self._secure = urlsplit(public_url).scheme == "https"
        self.name = "__Host-session" if self._secure else "session"

    def token(self, request: Request) -> str | None:
        """Give the token a browser sent; one that cannot be ours counts as none."""
        token = request.cookies.get(self.name)
        return token if token and _TOKEN.fullmatch(token) else None

    def set(self, response: Response, token: str) -> None:
        response.set_cookie(self.name, token, **self._attributes())

    def delete(self, response: Response) -> None:
        response.delete_cookie(self.name, **self._attributes())

    def _attributes(self) -> dict[str, Any]:
        return {"path": "/", "secure": self._secure, "httponly": True, "samesite": "lax"}
