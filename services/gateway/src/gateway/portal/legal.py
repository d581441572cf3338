"""The pages that the footer leads to, and whom to call about a forgotten password. An operator's own texts come first."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from gateway.notice_html import plain_html
from gateway.parts import Parts, UsedParts
from gateway.portal.visits import guest

Page = Callable[[Request, Parts], Awaitable[Response]]

NAMES = ("kontakt", "impressum", "barrierefreiheit")


def legal_router(folder: Path | None) -> APIRouter:
    """Make the routes. `<name>.html` in the folder replaces the default text of /<name>; it is read once, at the start."""
    router = APIRouter()
    for name in NAMES:
        router.add_api_route(f"/{name}", _page(name, _own_text(folder, name)), methods=["GET", "HEAD"])
    router.add_api_route("/passwort-vergessen", _page("passwort-vergessen", None), methods=["GET", "HEAD"])
    return router


def _own_text(folder: Path | None, name: str) -> Markup | None:
    path = folder / f"{name}.html" if folder else None
    return plain_html(path.read_text("utf-8")) if path and path.is_file() else None


def _page(name: str, own_text: Markup | None) -> Page:
    async def show(request: Request, parts: UsedParts) -> Response:
        visitor = await guest(request, parts)
        return parts.pages.html(f"legal/{name}.html", visitor=visitor, own_text=own_text)

    return show
