"""Attachments from a real object store: the original bytes or nothing."""

import asyncio
import base64
import hashlib

import pytest
from obstore.store import S3Store

from notifier.adapters.s3_attachments import S3Attachments
from notifier.domain import Document
from notifier.ports import AttachmentUnavailable
from tests.fixtures.object_store import ObjectStore
from tests.notifier.samples import document

pytestmark = pytest.mark.integration


@pytest.fixture
def store(object_store: ObjectStore) -> S3Store:
    return S3Store(
        object_store.create_bucket(),
        endpoint=object_store.endpoint,
        access_key_id=object_store.access_key,
        secret_access_key=object_store.secret_key,
        region=object_store.region,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


async def stored(store: S3Store, content: bytes, key: str = "4711/a/1") -> Document:
    await store.put_async(key, content)
    return document(object_key=key, size=len(content), sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("size", [0, 1, 100_000, 2_000_000])
async def test_the_original_bytes_come_back(store: S3Store, size: int) -> None:
    """In base64 lines, whatever the size."""
    content = hashlib.shake_128(b"seed").digest(size)
    file = await S3Attachments(store).fetch(await stored(store, content))
    assert base64.b64decode(file.lines) == content
    assert all(len(line) <= 76 for line in file.lines.split(b"\r\n"))


async def test_it_is_read_once(store: S3Store) -> None:
    """However many mails want it at the same moment; also when the object is gone meanwhile."""
    attachments, about = S3Attachments(store), await stored(store, b"x" * 1000)
    first, second = await asyncio.gather(attachments.fetch(about), attachments.fetch(about))
    await store.delete_async(about.object_key)
    assert first is second is await attachments.fetch(about)


async def test_little_is_kept(store: S3Store) -> None:
    """Memory is bounded: the one used longest ago is read anew."""
    attachments = S3Attachments(store, kept_bytes=3000)
    documents = [await stored(store, bytes([n]) * 1000, f"4711/a/{n}") for n in range(3)]
    files = [await attachments.fetch(about) for about in documents]
    assert await attachments.fetch(documents[2]) is files[2]
    assert await attachments.fetch(documents[0]) is not files[0]


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 5}, {"object_key": "4711/none/1"}])
async def test_other_bytes_are_refused(store: S3Store, change: dict[str, object]) -> None:
    """A wrong hash, a wrong size, no object: unavailable, and asked for again next time."""
    from dataclasses import replace  # noqa: PLC0415 -- only here

    about = await stored(store, b"content")
    attachments = S3Attachments(store)
    for _ in range(2):
        with pytest.raises(AttachmentUnavailable, match="storage"):
            await attachments.fetch(replace(about, **change))  # type: ignore[arg-type]


async def test_a_store_that_is_away_is_unavailable() -> None:
    """Nothing listens there."""
    away = S3Store(
        "bucket",
        endpoint="http://127.0.0.1:9",
        access_key_id="a",
        secret_access_key="b",
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    with pytest.raises(AttachmentUnavailable):
        await S3Attachments(away).fetch(document())
