"""Every failure in the form its reader understands: a page for people, a problem document for programs."""

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chassis.problems import Problem, problem_response
from gateway.parts import Parts
from gateway.principals import NotSignedIn, StepsPending

STEP_PAGES = {"change_password": "/passwort", "accept_privacy_notice": "/datenschutz"}
_FOR_PROGRAMS = ("/api/", "/internal/", "/static/", "/alive", "/ready")


class ForeignOrigin(Problem):
    """The request changes something and does not come from our own pages."""

    def __init__(self) -> None:
        super().__init__(403, "/problems/foreign-origin", "The request does not come from this portal")


def answer(request: Request, problem: Problem) -> Response:
    """Give the problem document, or for a page: the way to the login, to the pending step, or an error page."""
    if f"{request.url.path}/".startswith(_FOR_PROGRAMS):
        return problem_response(problem)
    parts: Parts = request.app.state.parts
    if isinstance(problem, NotSignedIn):
        return _to_login(request, parts)
    if isinstance(problem, StepsPending) and (page := step_page(problem.pending)):
        return redirect(page, _back(request))
    return parts.pages.html("error.html", status=problem.status, headers=problem.headers, problem=problem)


def install(app: FastAPI) -> None:
    """Put pages before the chassis' own answers, which stay as they are for programs."""
    unexpected = app.exception_handlers[Exception]

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - registered for this class alone
        return answer(request, error)

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
        return answer(request, Problem(error.status_code, headers=error.headers))

    async def on_unexpected(request: Request, error: Exception) -> Response:
        logged: Response = await unexpected(request, error)  # type: ignore[misc] # Starlette's type allows websockets
        return logged if logged.status_code != HTTPStatus.INTERNAL_SERVER_ERROR else answer(request, Problem(500))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(Exception, on_unexpected)


def step_page(pending: tuple[str, ...]) -> str | None:
    """Give the page of the first step that has one."""
    return next((STEP_PAGES[step] for step in pending if step in STEP_PAGES), None)


def redirect(page: str, back: str = "/", **words: str) -> Response:
    """Send the browser to one of our pages by GET; `weiter` says where to go on afterwards."""
    query = {**words, **({"weiter": back} if back != "/" else {})}
    return RedirectResponse(f"{page}?{urlencode(query)}" if query else page, HTTPStatus.SEE_OTHER)


def _to_login(request: Request, parts: Parts) -> Response:
    if parts.cookie.token(request) is None:
        return redirect("/login", _back(request))
    ended = redirect("/login", _back(request), grund="abgelaufen")
    parts.cookie.delete(ended)
    return ended


def _back(request: Request) -> str:
    if request.method not in {"GET", "HEAD"}:
        return "/" if request.url.path == "/logout" else request.url.path
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
