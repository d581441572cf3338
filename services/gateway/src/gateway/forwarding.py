"""How a call is passed on to a service and its answer back; the JSON calls and the pages do it the same way."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from chassis.problems import Problem
from gateway.parts import Parts
from gateway.upstreams import Answer

_ANSWERED = ("content-type", "retry-after")
_STANDARD = frozenset({"type", "title", "status", "detail", "headers"})
_SAID = ("content-type", "accept-language")


def passed_on(answer: Answer) -> Response:
    """Give a service's answer as it came, with no header but those that are meant for the outside."""
    headers = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
    return Response(answer.body, answer.status, headers)


def said(request: Request) -> dict[str, str]:
    """Give the headers that a service needs to read the body and to choose its words."""
    return {name: request.headers[name] for name in _SAID if name in request.headers}


@contextmanager
def changing(parts: Parts, token: str) -> Iterator[None]:
    """Forget the session's principal when the block ends, however it ends: the change may have taken place."""
    try:
        yield
    finally:
        parts.principals.forget(token)


def refused(answer: Answer) -> Problem:
    """Give a service's refusal as our own problem, with the members that it told."""
    try:
        told = answer.json()
    except ValueError:
        told = {}
    members = {name: value for name, value in told.items() if name not in _STANDARD} if isinstance(told, dict) else {}
    headers = {name: answer.headers[name] for name in ("retry-after",) if name in answer.headers}
    kind, title, detail = (
        (told.get(name) for name in ("type", "title", "detail")) if isinstance(told, dict) else (None,) * 3
    )
    return Problem(answer.status, kind or None, title, detail, headers, **members)


def is_success(answer: Answer) -> bool:
    return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
