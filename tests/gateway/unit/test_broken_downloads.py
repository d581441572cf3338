import asyncio
from typing import Any

import httpx2
from starlette.requests import Request
from starlette.types import Message

from gateway.answers import Content
from gateway.content import content_response
from tests.gateway.fakes.files import FakeFiles

BYTES = bytes(range(256)) * 100
CONTENT = Content(
    url="http://files.test/k", filename="a.pdf", size=len(BYTES), sha256="0" * 64, media_type="application/pdf"
)


class Visitor:
    """A connection as the server sees it: takes messages, may leave, may stop reading."""

    def __init__(self, leaves_after: int | None = None) -> None:
        self.messages: list[Message] = []
        self.left = asyncio.Event()
        self._leaves_after = leaves_after

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.messages.append(message)
        if self._leaves_after is not None and len(self.messages) > self._leaves_after:
            self.left.set()
            await asyncio.sleep(3600)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def is_complete(self) -> bool:
        return self.messages[-1]["type"] == "http.response.body" and not self.messages[-1].get("more_body", False)


async def download(files: FakeFiles, visitor: Visitor) -> None:
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    async with httpx2.AsyncClient(transport=files) as client:
        response = content_response(Request(scope), CONTENT, client)
        await response(scope, visitor.receive, visitor.send)


async def test_a_whole_download_ends_with_its_last_byte() -> None:
    """The last piece says that it is the last, and the connection behind is given back."""
    files, visitor = FakeFiles(BYTES), Visitor()
    await download(files, visitor)
    assert visitor.body == BYTES
    assert visitor.is_complete
    assert files.closed == 1


async def test_a_store_that_breaks_off_cuts_the_visitors_connection_too() -> None:
    """The answer is left without its end, which makes the server cut it: never a short file that looks whole."""
    files, visitor = FakeFiles(BYTES), Visitor()
    files.breaks_after = 3000
    await download(files, visitor)
    assert len(visitor.body) == 3000
    assert not visitor.is_complete
    assert files.closed == 1


async def test_a_store_that_ends_early_cuts_it_as_well() -> None:
    """Half a body without an error is no body either."""
    files, visitor = FakeFiles(BYTES), Visitor()
    files.ends_after = 3000
    await download(files, visitor)
    assert not visitor.is_complete


async def test_a_visitor_who_leaves_releases_the_connection_behind() -> None:
    """The stream is closed at once, not when the file would have ended."""
    files, visitor = FakeFiles(BYTES), Visitor(leaves_after=3)
    async with asyncio.timeout(2):
        await download(files, visitor)
    assert len(visitor.messages) == 4
    assert files.opened == files.closed == 1


async def test_a_cancelled_download_releases_it_too() -> None:
    """A stopping server leaves no stream open."""
    files, visitor = FakeFiles(BYTES), Visitor(leaves_after=1)
    visitor.left = asyncio.Event()
    task = asyncio.create_task(download(files, visitor))
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert files.opened == files.closed == 1


async def test_the_file_is_never_held_as_a_whole() -> None:
    """Each piece is sent before the next one is asked for."""
    files, visitor = FakeFiles(BYTES), Visitor()
    files.chunk = 100
    await download(files, visitor)
    pieces = [len(message["body"]) for message in visitor.messages if message["type"] == "http.response.body"]
    assert max(pieces) == 100
    assert len(pieces) == len(BYTES) // 100
