"""Bytes in S3 (obstore): billing's intake bucket is read, our own bucket is written. Whatever passes by itself is TryAgain."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from chassis.messaging.retry import TryAgain
from documents.domain import DocumentRefused, Reason
from documents.settings import DocumentsSettings

_NO_BUCKET: Final = "NoSuchBucket"


def open_bucket(settings: DocumentsSettings, bucket: str) -> S3Store:
    """Open one bucket by path-style requests, each bounded in time, tried three times within seconds."""
    return S3Store(
        bucket,
        endpoint=settings.s3_endpoint,
        access_key_id=settings.s3_access_key,
        secret_access_key=settings.s3_secret_key,
        region=settings.s3_region,
        virtual_hosted_style_request=False,
        client_options={
            "allow_http": settings.s3_endpoint.startswith("http://"),
            "connect_timeout": "3s",
            "timeout": "60s",
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
    )


@contextmanager
def _passing_trouble() -> Iterator[None]:
    """Turn every failure of the store into TryAgain, a refused key included: the documents are not at fault."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise TryAgain(f"the object store does not answer as it should: {type(error).__name__}") from error


class S3ContentStore:
    """Our own bucket. Keys are never reused and objects never rewritten with other bytes."""

    def __init__(self, bucket: S3Store) -> None:
        self._bucket = bucket

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        with _passing_trouble():
            await obstore.put_async(
                self._bucket, key, content, attributes={"Content-Type": media_type}, use_multipart=False
            )


class S3IntakeStore:
    """The bucket into which billing puts what is too large for an event."""

    def __init__(self, bucket: S3Store) -> None:
        self._bucket = bucket

    async def read(self, key: str, at_most: int) -> bytes:
        """Give the whole object; refused where there is none, or before reading where it is larger than `at_most`."""
        with _passing_trouble():
            try:
                answer = await obstore.get_async(self._bucket, key)
                if answer.meta["size"] > at_most:
                    raise DocumentRefused(Reason.TOO_LARGE, f"the object is larger than {at_most} bytes")
                return bytes(await answer.bytes_async())
            except FileNotFoundError as error:
                if _NO_BUCKET in str(error):
                    raise
            except ValueError:
                pass
        raise DocumentRefused(Reason.CONTENT_MISSING, "there is no such object in the intake bucket")
