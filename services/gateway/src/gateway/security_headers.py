"""What every answer tells the browser: run nothing, embed nowhere, keep nothing, say little."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"
_ALWAYS = {
    b"content-security-policy": _CONTENT_SECURITY_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": _PERMISSIONS.encode(),
    b"x-robots-tag": b"noindex, nofollow",
}
_TWO_YEARS = b"max-age=63072000; includeSubDomains"


class SecurityHeaders:
    """The outermost layer, so that faults and refusals carry them too. Only static files may say their own Cache-Control."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        given = {**_ALWAYS, b"strict-transport-security": _TWO_YEARS} if https else _ALWAYS
        self._given = list(given.items())
        self._names = frozenset(given)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        may_be_kept = scope["path"].startswith("/static/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in self._names]
                if not (may_be_kept and any(name.lower() == b"cache-control" for name, _ in kept)):
                    kept = [(name, value) for name, value in kept if name.lower() != b"cache-control"]
                    kept.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*kept, *self._given]}
            await send(message)

        await self._app(scope, receive, send_with_headers)
