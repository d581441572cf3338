"""What goes wrong over HTTP, said as RFC 9457 problem documents, and the FastAPI application every service starts from.

Whatever happens, the answer is `application/problem+json` without internals; what nobody expected is logged as a 500.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from chassis.health import Health
from chassis.logs import get_logger
from chassis.unavailable import Unavailable

MEDIA_TYPE = "application/problem+json"
MAX_BODY_BYTES = 1024 * 1024

log = get_logger()


class Problem(Exception):  # noqa: N818 - errors are the product's words
    """An answer that is not success. `type` is a path such as /problems/pending-steps; `members` are added to the document."""

    def __init__(
        self,
        status: int,
        type: str = "about:blank",  # noqa: A002 - the member's name in RFC 9457
        title: str | None = None,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(status, type, title)
        self.status = status
        self.type = type
        self.title = title or phrase(status)
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


def phrase(status: int) -> str:
    """Give the standard words for a status, the title where nobody gave one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Problem"


def response(problem: Problem) -> Response:
    """Write the document: members first, so that none of them can replace a standard one."""
    document = {**problem.members, "type": problem.type, "title": problem.title, "status": problem.status}
    if problem.detail is not None:
        document["detail"] = problem.detail
    return JSONResponse(document, problem.status, problem.headers, media_type=MEDIA_TYPE)


def temporarily_unavailable(
    detail: str | None = None, *, retry_after: int = Unavailable.retry_after_seconds
) -> Problem:
    return Problem(503, "/problems/temporarily-unavailable", detail=detail, headers={"Retry-After": str(retry_after)})


def create_app(service: str, health: Health, *, max_body_bytes: int = MAX_BODY_BYTES, **options: Any) -> FastAPI:
    """Make an application with problem documents for every error, a limit on bodies, /alive and /ready, and no pages of its own.

    `options` are FastAPI's own and win over the defaults, for the one service that publishes its OpenAPI document.
    """
    defaults: dict[str, Any] = {
        "title": service,
        "openapi_url": None,
        "docs_url": None,
        "redoc_url": None,
        "redirect_slashes": False,
        "max_body_size": max_body_bytes,
        "telemetry": {"logs": False, "operation_spans": False, "auto_configure": False},
    }
    app = FastAPI(**{**defaults, **options})
    add_problem_handlers(app)
    _add_probes(app, health)
    return app


def add_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Unavailable, _on_unavailable)
    app.add_exception_handler(Exception, _on_unexpected)


def _add_probes(app: FastAPI, health: Health) -> None:
    @app.get("/alive", include_in_schema=False)
    async def alive() -> PlainTextResponse:
        return PlainTextResponse("alive") if health.alive() else PlainTextResponse("stuck", 503)

    @app.get("/ready", include_in_schema=False)
    async def ready() -> PlainTextResponse:
        return PlainTextResponse("ready") if await health.ready() else PlainTextResponse("unready", 503)


async def _on_problem(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Problem)  # noqa: S101 - registered for this class alone
    return response(exc)


async def _on_http_exception(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 - registered for this class alone
    detail = exc.detail if exc.detail != phrase(exc.status_code) else None
    return response(Problem(exc.status_code, detail=detail, headers=exc.headers))


async def _on_invalid_request(_request: Request, exc: Exception) -> Response:
    """Name the fields and what is wrong with them, never their values: they may be passwords."""
    assert isinstance(exc, RequestValidationError)  # noqa: S101 - registered for this class alone
    errors = [
        {"location": "/".join(str(part) for part in error["loc"]), "reason": error["msg"]} for error in exc.errors()
    ]
    if any(error["type"] == "json_invalid" for error in exc.errors()):
        return response(Problem(400, "/problems/malformed-json", "The body is no JSON"))
    return response(Problem(422, "/problems/invalid-request", "The request is not valid", errors=errors))


async def _on_unavailable(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Unavailable)  # noqa: S101 - registered for this class alone
    log.warning("request_not_served", path=request.url.path, cause=type(exc).__name__, detail=str(exc))
    return response(temporarily_unavailable(retry_after=exc.retry_after_seconds))


async def _on_unexpected(request: Request, exc: Exception) -> Response:
    log.error("request_failed", method=request.method, path=request.url.path, exc_info=exc)
    return response(Problem(500))
