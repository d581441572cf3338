"""The problem document of RFC 9457, as an exception and as a response."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse, Response

from chassis.unavailable import Unavailable

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is not success.

    `type` is a path such as /problems/pending-steps, by default the status in words; `title` is English and the same for all problems of the type; `detail`
    may speak to this one reader; `members` are added to the document.
    """

    def __init__(
        self,
        status: int,
        type: str | None = None,  # noqa: A002 - the member's name in RFC 9457
        title: str | None = None,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(status, type, title)
        self.status = status
        self.type = type or standard_type(status)
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


def standard_type(status: int) -> str:
    """Give the type of a problem that is nothing but its status: /problems/not-found."""
    return "/problems/" + "-".join(phrase(status).casefold().replace("'", "").split())


def problem_response(problem: Problem) -> Response:
    """Write the document: members first, so that none of them can replace a standard one."""
    document = {**problem.members, "type": problem.type, "title": problem.title, "status": problem.status}
    if problem.detail is not None:
        document["detail"] = problem.detail
    return JSONResponse(document, problem.status, problem.headers, media_type=MEDIA_TYPE)


def temporarily_unavailable(retry_after_seconds: int = Unavailable.retry_after_seconds) -> Problem:
    """Make the 503 that asks to come again."""
    return Problem(503, "/problems/temporarily-unavailable", headers={"Retry-After": str(retry_after_seconds)})
