"""The inbox page's four addresses. Mails are hostile: their HTML is shown in a sandbox, everything else as text or a download."""

from functools import partial
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from kundenportal_local.inbox.parsed import Mail, Summary, open_mail, summarize
from kundenportal_local.maildir import Maildir

PAGE_SIZE = 100
SEARCHED = 5000
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# The mail's own HTML: no script, no form, nothing from elsewhere, an origin of its own even when opened alone; a link
# that a person clicks opens a window of its own.
MAIL_POLICY = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
LINKS_LEAVE_THE_FRAME = '<base target="_blank">'
SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def create_page(maildir: Maildir) -> Starlette:
    """The page over one Maildir, which it only reads."""
    pages = _Pages(maildir)
    routes = [
        Route("/alive", pages.alive),
        Route("/", pages.show_list),
        Route("/mails/{name}", pages.show_mail),
        Route("/mails/{name}/html", pages.show_html),
        Route("/mails/{name}/raw", pages.show_raw),
        Route("/mails/{name}/parts/{number:int}", pages.download),
    ]
    return Starlette(routes=routes)


class _Pages:
    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir
        folder = Path(__file__).with_name("templates")
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["kilobytes"] = _kilobytes

    async def alive(self, _request: Request) -> Response:
        return PlainTextResponse("alive", headers=SAFE)

    async def show_list(self, request: Request) -> Response:
        search = request.query_params.get("an", "").strip()
        shown, total = await run_in_threadpool(self._list, search)
        return self._page("list.html", mails=shown, total=total, search=search)

    async def show_mail(self, request: Request) -> Response:
        mail = await self._open(request)
        return self._page("mail.html", mail=mail)

    async def show_html(self, request: Request) -> Response:
        mail = await self._open(request)
        if mail.html is None:
            raise HTTPException(404)
        return HTMLResponse(
            LINKS_LEAVE_THE_FRAME + mail.html.text, headers={**SAFE, "Content-Security-Policy": MAIL_POLICY}
        )

    async def show_raw(self, request: Request) -> Response:
        file = await run_in_threadpool(self._find, request)
        content = await run_in_threadpool(file.read_bytes)
        return Response(
            content, media_type="text/plain; charset=utf-8", headers={**SAFE, "Content-Security-Policy": MAIL_POLICY}
        )

    async def download(self, request: Request) -> Response:
        mail = await self._open(request)
        part = next((part for part in mail.parts if part.number == request.path_params["number"]), None)
        if part is None:
            raise HTTPException(404)
        disposition = f"attachment; filename*=UTF-8''{quote(part.file_name, safe='')}"
        headers = {**SAFE, "Content-Disposition": disposition, "Content-Security-Policy": MAIL_POLICY}
        return Response(part.content, media_type="application/octet-stream", headers=headers)

    def _list(self, search: str) -> tuple[list[Summary], int]:
        files = self._maildir.newest_first()
        if not search:
            return [summarize(file) for file in files[:PAGE_SIZE]], len(files)
        summaries = (summarize(file) for file in files[:SEARCHED])
        found = [one for one in summaries if search.casefold() in f"{one.recipient} {one.subject}".casefold()]
        return found[:PAGE_SIZE], len(found)

    def _find(self, request: Request) -> Path:
        file = self._maildir.find(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        return file

    async def _open(self, request: Request) -> Mail:
        file = await run_in_threadpool(self._find, request)
        return await run_in_threadpool(partial(open_mail, file))

    def _page(self, template: str, **values: object) -> Response:
        html = self._templates.get_template(template).render(**values)
        return HTMLResponse(html, headers={**SAFE, "Content-Security-Policy": PAGE_POLICY})


def _kilobytes(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:,.0f} kB".replace(",", ".")  # noqa: PLR2004  as people count
