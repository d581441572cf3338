"""Gets the bytes of a document, verifies them and puts exactly those into our own store."""

import asyncio
import hashlib
from typing import Final
from uuid import uuid4

from documents.domain import DocumentRefused, Reason
from documents.ports import ContentStore, Inspector, IntakeStore
from kundenportal_contracts.billing import DocumentIssued

_HASHED_ASIDE_BYTES: Final = 1024 * 1024

SharedPuts = dict[tuple[str, str, str, str], "asyncio.Future[str]"]
"""Object keys by natural key and media type: the same document twice in one batch is inspected and put once."""


class ContentKeeper:
    """Holds at most `large_at_once` referenced contents in memory at a time."""

    def __init__(
        self,
        *,
        intake: IntakeStore,
        inspector: Inspector,
        store: ContentStore,
        max_document_bytes: int,
        large_at_once: int = 4,
    ) -> None:
        self._intake = intake
        self._inspector = inspector
        self._store = store
        self._max_document_bytes = max_document_bytes
        self._large = asyncio.Semaphore(large_at_once)

    async def keep(self, issued: DocumentIssued, shared: SharedPuts) -> str:
        """Give the key under which the verified bytes now lie; DocumentRefused, or TryAgain where a store is in trouble."""
        if issued.content.object is None:
            return await self._verify_and_put(issued, issued.content.inline or b"", shared)
        async with self._large:
            content = await self._intake.read(issued.content.object.key, self._max_document_bytes)
            return await self._verify_and_put(issued, content, shared)

    async def _verify_and_put(self, issued: DocumentIssued, content: bytes, shared: SharedPuts) -> str:
        await self._verify(issued, content)
        natural = (issued.customer_number, issued.document_number, issued.sha256, issued.media_type)
        if natural in shared:
            return await asyncio.shield(shared[natural])
        task = asyncio.ensure_future(self._inspect_and_put(issued, content))
        shared[natural] = task
        return await task

    async def _verify(self, issued: DocumentIssued, content: bytes) -> None:
        if len(content) > self._max_document_bytes:
            raise DocumentRefused(Reason.TOO_LARGE, f"the content is larger than {self._max_document_bytes} bytes")
        if len(content) != issued.size:
            raise DocumentRefused(Reason.HASH_MISMATCH, f"the content has {len(content)} bytes, not {issued.size}")
        if await _sha256(content) != issued.sha256:
            raise DocumentRefused(Reason.HASH_MISMATCH, "the content has another SHA-256")

    async def _inspect_and_put(self, issued: DocumentIssued, content: bytes) -> str:
        await self._inspector.inspect(issued.media_type, content)
        key = f"{issued.customer_number}/{issued.sha256}/{uuid4()}"
        await self._store.put(key, content, issued.media_type)
        return key


async def _sha256(content: bytes) -> str:
    if len(content) > _HASHED_ASIDE_BYTES:
        return await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
    return hashlib.sha256(content).hexdigest()
