"""Errors over HTTP: always a problem document, never an internal, whatever comes in."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from structlog.testing import capture_logs

from chassis.health import Health
from chassis.problems import Problem, create_app
from chassis.problems.problem import standard_type
from chassis.unavailable import Unavailable

LIMIT = 10_000


class Login(BaseModel):
    username: str
    password: str
    born: date | None = None


class ArgonBusy(Unavailable):
    retry_after_seconds = 7


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app("identity", Health(), max_body_bytes=LIMIT)

    @app.post("/login")
    async def login(login: Login) -> dict[str, str]:
        login.username.encode()
        return {"username": login.username}

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @app.get("/list")
    async def list_(limit: Annotated[int, Query(ge=1, le=200)]) -> int:
        return limit

    @app.get("/raise/{what}")
    async def raise_(what: str) -> None:
        raise RAISED[what]

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(_half())

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://identity") as client:
        yield client


async def _half() -> AsyncIterator[bytes]:
    yield b"half"
    raise OSError("gone")


RAISED: dict[str, Exception] = {
    "pending": Problem(403, "/problems/pending-steps", "Steps are pending", pending=["change_password"]),
    "teapot": HTTPException(418),
    "detail": HTTPException(404, "No such document", headers={"X-Why": "withdrawn"}),
    "busy": ArgonBusy("queue full of geheim"),
    "bug": LookupError("geheim"),
    "group": ExceptionGroup("geheim", [ValueError("geheim")]),
    "recursion": RecursionError(),
    "timeout": TimeoutError(),
}


def check(answer: httpx2.Response, status: int, kind: str | None = None) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["type"]) == (status, kind or standard_type(status))
    assert document["title"]
    assert "geheim" not in answer.text
    return document


async def test_unknown_paths_and_methods(client: httpx2.AsyncClient) -> None:
    """404 and 405 are problem documents, the latter with Allow; a slash too many is a 404, not a redirect."""
    check(await client.get("/nowhere"), 404, "/problems/not-found")
    check(await client.get("/alive/"), 404)
    assert check(await client.get("/login"), 405)
    assert (await client.get("/login")).headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_no_pages_of_its_own(client: httpx2.AsyncClient, path: str) -> None:
    """A service shows neither its OpenAPI document nor pages about it."""
    check(await client.get(path), 404)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"nonsense",
        b'{"username": }',
        b"\xff\xfe\x00",
        b'"\xed\xa0\x80"',
        b"[" * 9_000,
        b'{"a":' * 1_900,
        b"1" * 9_000,
    ],
)
async def test_a_body_that_is_not_json(client: httpx2.AsyncClient, body: bytes) -> None:
    """Undecodable, cut off, endlessly nested: 400 or 422, never 500."""
    answer = await client.post("/login", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    check(answer, answer.status_code, answer.json()["type"])


async def test_an_invalid_body_names_the_fields_not_their_values(client: httpx2.AsyncClient) -> None:
    """Each wrong field is told with its reason; what was sent is not repeated."""
    answer = await client.post("/login", json={"password": ["geheim"], "born": "geheim"})
    document = check(answer, 422, "/problems/invalid-request")
    assert [error["location"] for error in document["errors"]] == ["body/username", "body/password", "body/born"]
    assert all(set(error) == {"location", "reason"} for error in document["errors"])


@pytest.mark.parametrize("limit", ["0", "201", "geheim", "1e9", "10" * 5_000, "", "%00", "%ff"])
async def test_an_invalid_query(client: httpx2.AsyncClient, limit: str) -> None:
    """Limits out of bounds and what is no number are a 422."""
    check(await client.get(f"/list?limit={limit}"), 422, "/problems/invalid-request")


async def test_text_that_cannot_be_stored_is_the_client_s_fault(client: httpx2.AsyncClient) -> None:
    """Half a surrogate pair, which JSON can write and UTF-8 cannot, is a 422."""
    body = b'{"username": "\\ud800", "password": "x"}'
    answer = await client.post("/login", content=body, headers={"content-type": "application/json"})
    check(answer, 422, "/problems/invalid-request")


async def test_a_body_at_the_limit_is_taken(client: httpx2.AsyncClient) -> None:
    """The limit itself is allowed."""
    assert (await client.post("/length", content=bytes(LIMIT))).json() == LIMIT


@pytest.mark.parametrize("path", ["/length", "/login"])
async def test_a_declared_body_over_the_limit(client: httpx2.AsyncClient, path: str) -> None:
    """A body announced as too long is a 413."""
    headers = {"content-type": "application/json"}
    check(await client.post(path, content=bytes(LIMIT + 1), headers=headers), 413)
    check(await client.post(path, content=b"x", headers={**headers, "content-length": "9" * 30}), 413)


@pytest.mark.parametrize("path", ["/length", "/login"])
async def test_a_streamed_body_over_the_limit(client: httpx2.AsyncClient, path: str) -> None:
    """A body without a declared length is a 413 as soon as it is too long; the rest is not read."""
    chunks = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal chunks
        while True:
            chunks += 1
            yield bytes(1_000)

    check(await client.post(path, content=endless(), headers={"content-type": "application/json"}), 413)
    assert chunks < 20


async def test_a_problem_arrives_as_it_was_raised(client: httpx2.AsyncClient) -> None:
    """Type, title and further members are in the document; none of them can forge the status or title."""
    document = check(await client.get("/raise/pending"), 403, "/problems/pending-steps")
    assert document == {
        "type": "/problems/pending-steps",
        "title": "Steps are pending",
        "status": 403,
        "pending": ["change_password"],
    }


async def test_http_exceptions_keep_their_detail_and_headers(client: httpx2.AsyncClient) -> None:
    """What a route raises as HTTPException is a problem, too."""
    check(await client.get("/raise/teapot"), 418)
    answer = await client.get("/raise/detail")
    assert check(answer, 404)["detail"] == "No such document"
    assert answer.headers["x-why"] == "withdrawn"


async def test_unavailable_parts_are_a_503(client: httpx2.AsyncClient) -> None:
    """Every kind of Unavailable asks to come again, after the time that its class names."""
    answer = await client.get("/raise/busy")
    check(answer, 503, "/problems/temporarily-unavailable")
    assert answer.headers["retry-after"] == "7"


@pytest.mark.parametrize("what", ["bug", "group", "recursion", "timeout"])
async def test_what_nobody_expected_is_logged_and_hidden(client: httpx2.AsyncClient, what: str) -> None:
    """A fault of our own is a bare 500 outside and one line with the exception inside."""
    with capture_logs() as lines:
        document = check(await client.get(f"/raise/{what}?token=geheim"), 500)
    assert set(document) == {"type", "title", "status"}
    (line,) = lines
    assert (line["event"], line["path"], line["exc_info"]) == ("request_failed", f"/raise/{what}", RAISED[what])


async def test_an_answer_that_breaks_off_is_not_passed_off_as_whole(client: httpx2.AsyncClient) -> None:
    """An exception in the middle of a stream reaches the server, which cuts the connection."""
    with capture_logs(), pytest.raises(OSError, match="gone"):
        await client.get("/stream")


async def test_probes_answer_one_word(client: httpx2.AsyncClient) -> None:
    """/alive and /ready speak plainly."""
    assert [(await client.get(path)).text for path in ("/alive", "/ready")] == ["alive", "ready"]


def test_standard_members_cannot_be_replaced() -> None:
    """A member named like a standard one is refused where the problem is made."""
    with pytest.raises(TypeError):
        Problem(403, "/problems/x", "Title", "Detail", None, type="forged")  # type: ignore[misc]
