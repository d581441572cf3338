"""The intake bucket: where content goes that is too large for a record."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from obstore.exceptions import BaseError
from obstore.store import S3Store

from kundenportal_contracts.publish.errors import PublishFailed

UPLOAD_SECONDS = 120.0
RETRY = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class S3Target:
    """An S3-compatible store, addressed by path: `endpoint` is its URL, `bucket` the intake bucket."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return f"S3Target(endpoint={self.endpoint!r}, bucket={self.bucket!r})"


class Intake(Protocol):
    """Wherever large content goes."""

    async def put(self, key: str, content: bytes | Path, media_type: str) -> None:
        """Return when the object is stored whole; PublishFailed otherwise. The same again changes nothing."""
        ...


class IntakeBucket:
    """The bucket on an S3-compatible server."""

    def __init__(self, target: S3Target) -> None:
        self._target = target
        self._store = S3Store(
            target.bucket,
            endpoint=target.endpoint,
            access_key_id=target.access_key,
            secret_access_key=target.secret_key,
            region=target.region,
            virtual_hosted_style_request=False,
            client_options={"allow_http": target.endpoint.startswith("http://"), "connect_timeout": "5s"},
            retry_config={"max_retries": 3, "retry_timeout": RETRY},
        )

    async def put(self, key: str, content: bytes | Path, media_type: str) -> None:
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                await self._store.put_async(key, content, attributes={"Content-Type": media_type})
        except TimeoutError:
            raise PublishFailed(
                f"the upload to {self._target.endpoint} took longer than {UPLOAD_SECONDS:.0f} s"
            ) from None
        except (BaseError, OSError) as error:
            raise PublishFailed(
                f"the upload to bucket {self._target.bucket} at {self._target.endpoint} failed ({type(error).__name__})"
            ) from None
