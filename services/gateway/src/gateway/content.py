"""The bytes of a document on their way to a browser: streamed from the object store, never held, never silently short."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

import httpx2
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chassis.logs import get_logger
from chassis.problems import Problem
from gateway.answers import Content
from gateway.byte_ranges import ByteRange, RangeNotSatisfiable, asked_range, is_named_by, whole
from gateway.content_disposition import attachment
from gateway.upstreams import ServiceUnavailable

log = get_logger()

STALL_SECONDS = 60.0
_MEDIA_TYPES = frozenset({"application/pdf", "application/xml"})


def etag(content: Content) -> str:
    return f'"{content.sha256}"'


def content_response(request: Request, content: Content, files: httpx2.AsyncClient) -> Response:
    """Answer 200, 206 or 304; raises Problem 416. The ETag is the SHA-256 of the bytes."""
    tag = etag(content)
    if is_named_by(tag, request.headers.get("if-none-match")):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag})
    asked = request.headers.get("range") if request.headers.get("if-range", tag) == tag else None
    try:
        part = asked_range(asked, content.size)
    except RangeNotSatisfiable as error:
        headers = {"content-range": f"bytes */{content.size}"}
        raise Problem(416, "/problems/range-not-satisfiable", headers=headers) from error
    headers = {
        "content-type": content.media_type if content.media_type in _MEDIA_TYPES else "application/octet-stream",
        "content-disposition": attachment(content.filename),
        "accept-ranges": "bytes",
        "etag": tag,
        "content-length": str((part or whole(content.size)).length),
    }
    if part is not None:
        headers["content-range"] = part.content_range
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamedContent(content.url, part or whole(content.size), files, status, headers)


class StreamedContent(Response):
    """Streams one part of an object. A visitor who leaves, or stalls for a minute, releases the connection behind it."""

    def __init__(
        self, url: str, part: ByteRange, files: httpx2.AsyncClient, status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(status_code=status, headers=headers)
        self._url = url
        self._part = part
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Stream until done or until the visitor is gone. Raises ServiceUnavailable while nothing has been sent yet."""
        pump = asyncio.create_task(self._pump(send))
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left_early = pump.cancel()
            gone.cancel()
            await asyncio.wait({pump, gone})
        if left_early:
            log.info("download_left", first=self._part.first, length=self._part.length)
        elif error := pump.exception():
            raise error

    async def _pump(self, send: Send) -> None:
        started = False
        try:
            async with self._files.stream("GET", self._url, headers=self._request_headers()) as stored:
                skip = self._bytes_to_skip(stored)
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                started = True
                await self._copy(stored, skip, send)
        except httpx2.HTTPError as error:
            if not started:
                log.warning("content_unavailable", error=type(error).__name__)
                raise ServiceUnavailable("files") from error
            # Ending here without the last message makes the server cut the connection: the visitor sees a failure.
            log.warning("download_broken", error=type(error).__name__)
        except TimeoutError:
            log.info("download_stalled")

    async def _copy(self, stored: httpx2.Response, skip: int, send: Send) -> None:
        left = self._part.length
        async for received in stored.aiter_raw():
            chunk = received[skip : skip + left]
            skip = max(0, skip - len(received))
            left -= len(chunk)
            if chunk:
                async with asyncio.timeout(STALL_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
            if left == 0:
                return
        log.warning("download_broken", missing=left)

    def _request_headers(self) -> dict[str, str]:
        asked = {} if self._part.is_whole else {"range": f"bytes={self._part.first}-{self._part.last}"}
        return {"accept-encoding": "identity", **asked}

    def _bytes_to_skip(self, stored: httpx2.Response) -> int:
        """Tell how many bytes come before the part: some stores answer a range with the whole, some with 200 and the part."""
        part, length = self._part, stored.headers.get("content-length")
        if stored.status_code in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            if stored.headers.get("content-range") == part.content_range and length == str(part.length):
                return 0
            if (
                stored.status_code == HTTPStatus.OK
                and "content-range" not in stored.headers
                and length == str(part.size)
            ):
                return part.first
        log.error("content_unexpected", status=stored.status_code, length=length, expected=part.length)
        raise ServiceUnavailable("files")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
