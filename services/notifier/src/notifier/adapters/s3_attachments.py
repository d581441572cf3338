"""Attachments from the documents bucket: read once per version, verified, encoded once for all their mails."""

import asyncio
import hashlib
from collections import OrderedDict

from obstore.exceptions import BaseError
from obstore.store import S3Store

from notifier.adapters.mime_message import lines_of
from notifier.domain import Document
from notifier.ports import AttachmentUnavailable, EncodedFile

READ_SECONDS = 20.0
KEPT_BYTES = 64_000_000
LARGE_BYTES = 500_000  # hashing and encoding more than this would hold up the loop


class S3Attachments:
    def __init__(self, store: S3Store, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._store = store
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[str, EncodedFile] = OrderedDict()
        self._size = 0
        self._reading: dict[str, asyncio.Task[EncodedFile]] = {}

    async def fetch(self, document: Document) -> EncodedFile:
        key = document.object_key
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._reading:
            self._reading[key] = asyncio.create_task(self._read(document))
            self._reading[key].add_done_callback(lambda task: self._done(key, task))
        return await asyncio.shield(self._reading[key])

    async def examine(self) -> str:
        """Look into the bucket; raises what the store says where that is refused."""
        async for _ in self._store.list(chunk_size=1):
            break
        return "can be read"

    async def _read(self, document: Document) -> EncodedFile:
        try:
            async with asyncio.timeout(READ_SECONDS):
                result = await self._store.get_async(document.object_key)
                content = bytes(await result.bytes_async())
        except (BaseError, OSError, TimeoutError) as error:
            raise AttachmentUnavailable(f"storage: {type(error).__name__}") from error
        if len(content) > LARGE_BYTES:
            return await asyncio.to_thread(_encode, document, content)
        return _encode(document, content)

    def _done(self, key: str, task: "asyncio.Task[EncodedFile]") -> None:
        del self._reading[key]
        if task.cancelled() or task.exception() is not None:
            return
        self._kept[key] = task.result()
        self._size += len(task.result().lines)
        while self._size > self._kept_bytes:
            self._size -= len(self._kept.popitem(last=False)[1].lines)


def _encode(document: Document, content: bytes) -> EncodedFile:
    if len(content) != document.size or hashlib.sha256(content).hexdigest() != document.sha256:
        raise AttachmentUnavailable("storage: other bytes than were announced")
    return EncodedFile(lines_of(content), document.media_type)
