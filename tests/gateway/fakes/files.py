"""An object store that streams from memory and can break off, refuse, or answer ranges as different stores do."""

import re
from collections.abc import AsyncIterator
from typing import Literal

import httpx2

RangeAnswer = Literal["partial", "ok_with_part", "whole"]


class FakeFiles(httpx2.AsyncBaseTransport):
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.range_answer: RangeAnswer = "partial"
        self.breaks_after: int | None = None
        self.ends_after: int | None = None
        self.status = 200
        self.opened = self.closed = 0
        self.chunk = 1000

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        body, headers, status = self.content, {}, self.status
        if asked and self.range_answer != "whole":
            first, last = int(asked[1]), int(asked[2])
            body = body[first : last + 1]
            headers["content-range"] = f"bytes {first}-{last}/{len(self.content)}"
            status = 206 if self.range_answer == "partial" else 200
        self.opened += 1
        return httpx2.Response(
            status, headers={**headers, "content-length": str(len(body))}, stream=_Stream(self, body)
        )


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, files: FakeFiles, body: bytes) -> None:
        self._files = files
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        sent = 0
        for start in range(0, len(self._body), self._files.chunk):
            if self._files.breaks_after is not None and sent >= self._files.breaks_after:
                raise httpx2.ReadError("the store went away")
            if self._files.ends_after is not None and sent >= self._files.ends_after:
                return
            chunk = self._body[start : start + self._files.chunk]
            sent += len(chunk)
            yield chunk

    async def aclose(self) -> None:
        self._files.closed += 1
