"""What the JSON calls and the pages both do with one document."""

import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from chassis.problems import Problem
from gateway.answers import Content, read
from gateway.content import content_response
from gateway.forwarding import is_success, refused
from gateway.parts import Parts
from gateway.upstreams import Answer, ServiceUnavailable

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class DocumentUnknown(Problem):
    """There is no such document for this customer; a foreign one is no different."""

    def __init__(self) -> None:
        super().__init__(404, "/problems/not-found", "No such document")


def document_path(document_id: str, root: str = "/api/v1/documents") -> str:
    """Give a document's path at its service; what cannot be an id never becomes part of an address."""
    if not _ID.fullmatch(document_id):
        raise DocumentUnknown
    return f"{root}/{document_id}"


async def the_deliveries(parts: Parts, headers: Mapping[str, str], document_id: str) -> Answer | None:
    """Give the deliveries of a document, or None while the notifier cannot tell: the document is shown without."""
    query = {"document_id": document_id, "limit": "200"}
    try:
        answer = await parts.upstreams.notifier.call("GET", "/api/v1/deliveries", headers=headers, query=query)
    except ServiceUnavailable:
        return None
    return answer if is_success(answer) else None


async def downloaded(request: Request, parts: Parts, document_id: str) -> Response:
    """Give a document's bytes. HEAD, a part and a still valid copy are answered without counting as a download."""
    path = f"{document_path(document_id, '/internal/documents')}/content"
    headers = await parts.as_principal(request)
    query = _version(request)
    counts = request.method == "GET" and not {"if-none-match", "range"} & set(request.headers)
    answer = await _where(parts, path, headers, query, record=counts)
    if answer.status != HTTPStatus.OK:
        raise refused(answer)
    response = _answered(request, parts, answer)
    if request.method == "GET" and not counts and response.status_code == HTTPStatus.OK:
        response = _answered(request, parts, await _where(parts, path, headers, query, record=True))
    return response


async def _where(
    parts: Parts, path: str, headers: Mapping[str, str], query: Mapping[str, str], *, record: bool
) -> Answer:
    asked = query if record else {**query, "record": "false"}
    return await parts.upstreams.documents.call("GET", path, headers=headers, query=asked)


def _answered(request: Request, parts: Parts, answer: Answer) -> Response:
    return content_response(request, read(Content, answer, "documents"), parts.upstreams.files)


def _version(request: Request) -> dict[str, str]:
    version = request.query_params.get("version")
    if version is None:
        return {}
    if not _VERSION.fullmatch(version):
        raise DocumentUnknown
    return {"version": version}
