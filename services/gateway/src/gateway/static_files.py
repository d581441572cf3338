"""Stylesheets and pictures, held in memory under a name that carries their hash, so that browsers may keep them for ever."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from chassis.problems import Problem
from gateway.brand import Brand
from gateway.byte_ranges import is_named_by

_STYLES = ("tokens.css", "base.css", "frame.css", "forms.css", "content.css", "documents.css", "print.css")
_TYPES = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    packed: bytes
    media_type: str
    etag: str


class StaticFiles:
    def __init__(self, brand: Brand) -> None:
        folder = files("gateway") / "static"
        self._by_path: dict[str, StaticFile] = {}
        self._paths: dict[str, str] = {}
        styles = [brand.stylesheet(), *((folder / name).read_text("utf-8") for name in _STYLES)]
        self._add("portal.css", "\n".join(styles).encode())
        self._add("icon.svg", (folder / "icon.svg").read_bytes())
        logo = brand.logo_file
        if logo is None:
            self._add("logo.svg", (folder / "logo.svg").read_bytes(), "logo")
        else:
            self._add(f"logo{logo.suffix}", logo.read_bytes(), "logo")

    def path(self, name: str) -> str:
        """Give the address of a file; an unknown name is a fault of the template."""
        return self._paths[name]

    def find(self, digest: str, name: str) -> StaticFile | None:
        return self._by_path.get(f"/static/{digest}/{name}")

    def _add(self, name: str, body: bytes, alias: str | None = None) -> None:
        digest = hashlib.sha256(body).hexdigest()[:16]
        path = f"/static/{digest}/{name}"
        media_type = _TYPES[name.rsplit(".", 1)[1]]
        self._by_path[path] = StaticFile(body, gzip.compress(body, 9, mtime=0), media_type, f'"{digest}"')
        self._paths[alias or name] = path


router = APIRouter()


@router.api_route("/static/{digest}/{name}", methods=["GET", "HEAD"])
async def show(digest: str, name: str, request: Request) -> Response:
    """Give a file for a year; another content has another address."""
    static: StaticFiles = request.app.state.parts.static
    file = static.find(digest, name)
    if file is None:
        raise Problem(404)
    headers = {"etag": file.etag, "cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
    if is_named_by(file.etag, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, headers={**headers, "content-encoding": "gzip"}, media_type=file.media_type)
    return Response(file.body, headers=headers, media_type=file.media_type)
