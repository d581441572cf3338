"""Turns every exception into a problem document.

Whatever happens, the answer is `application/problem+json` without internals; what nobody expected is logged and is a 500.
"""

from collections.abc import Iterator
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chassis.logs import get_logger
from chassis.problems.problem import Problem, phrase, problem_response, temporarily_unavailable
from chassis.unavailable import Unavailable

MAX_ERRORS = 20

# PostgreSQL has no such character (NUL), or not in this encoding; the request brought it.
UNSTORABLE_TEXT_STATES = ("22021", "22P05")

log = get_logger()


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error with a problem document; a handler added later for the same class takes its place."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Unavailable, _on_unavailable)
    app.add_exception_handler(Exception, _on_unexpected)


def problem_of(exc: Exception) -> Problem:
    """Find the problem that an exception means to the client; a 500 where it means nothing to anybody outside."""
    if isinstance(exc, Problem):
        return exc
    if isinstance(exc, HTTPException):
        detail = exc.detail if exc.detail != phrase(exc.status_code) else None
        return Problem(exc.status_code, detail=detail, headers=exc.headers)
    if isinstance(exc, RequestValidationError):
        return _invalid_request(exc)
    if isinstance(exc, Unavailable):
        return temporarily_unavailable(exc.retry_after_seconds)
    if _is_unstorable_text(exc):
        return Problem(
            422, "/problems/invalid-request", "The request is not valid", "a text has a character it must not"
        )
    return Problem(500)


def _invalid_request(exc: RequestValidationError) -> Problem:
    """Name the fields and what is wrong with them, never their values: they may be passwords."""
    errors = exc.errors()
    if any(error["type"] == "json_invalid" for error in errors):
        return Problem(400, "/problems/malformed-json", "The body is not JSON")
    reasons = [
        {"location": "/".join(str(part) for part in error["loc"]), "reason": error["msg"]}
        for error in errors[:MAX_ERRORS]
    ]
    return Problem(422, "/problems/invalid-request", "The request is not valid", errors=reasons)


def _is_unstorable_text(exc: BaseException) -> bool:
    """Tell whether a text of the request is the cause: it has NUL or half a surrogate pair, which JSON can express."""
    return any(
        isinstance(cause, UnicodeEncodeError) or getattr(cause, "sqlstate", None) in UNSTORABLE_TEXT_STATES
        for cause in _causes(exc)
    )


def _causes(exc: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = exc
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = getattr(seen, "orig", None) or seen.__cause__


async def _on_problem(_request: Request, exc: Exception) -> Response:
    return problem_response(problem_of(exc))


_on_http_exception = _on_invalid_request = _on_problem


async def _on_unavailable(request: Request, exc: Exception) -> Response:
    log.warning("request_not_served", path=request.url.path, cause=type(exc).__name__, detail=str(exc))
    return problem_response(problem_of(exc))


async def _on_unexpected(request: Request, exc: Exception) -> Response:
    problem = problem_of(exc)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", method=request.method, path=request.url.path, exc_info=exc)
    return problem_response(problem)
