"""The whole application: routes, failures in their reader's form, and the layers every request and answer passes."""

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from chassis.health import Health
from chassis.problems import create_app
from gateway import errors
from gateway.api import deliveries, documents, notification_settings, password, privacy_notice, session
from gateway.client_headers import ClientHeaders
from gateway.origin_rule import OriginRule
from gateway.parts import Parts
from gateway.portal import document, home, login, privacy, profile
from gateway.portal import documents as documents_page
from gateway.portal import password as password_page
from gateway.portal.legal import legal_router
from gateway.security_headers import SecurityHeaders
from gateway.settings import Network
from gateway.static_files import router as static_router

MAX_BODY_BYTES = 64 * 1024
_CALLS = (session, password, privacy_notice, notification_settings, documents, deliveries)
_SCREENS = (home, login, password_page, privacy, documents_page, document, profile)


def build(
    parts: Parts,
    health: Health,
    *,
    public_url: str,
    trusted_proxies: Sequence[Network] = (),
    legal_dir: Path | None = None,
) -> ASGIApp:
    """Build it around the given parts; a test passes its own."""
    app = create_app("gateway", health, max_body_bytes=MAX_BODY_BYTES)
    app.state.parts = parts
    errors.install(app)
    for module in (*_CALLS, *_SCREENS):
        app.include_router(module.router)
    app.include_router(legal_router(legal_dir))
    app.include_router(static_router)

    async def refuse(request: Request) -> Response:
        request.scope["app"] = app
        return errors.answer(request, errors.ForeignOrigin())

    guarded = OriginRule(app, public_url, refuse)
    return SecurityHeaders(ClientHeaders(guarded, trusted_proxies), https=public_url.startswith("https:"))
