"""Stylesheets and pictures, held in memory under a name that carries their hash, so that browsers may keep them for ever."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from gateway.brand import Brand

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
