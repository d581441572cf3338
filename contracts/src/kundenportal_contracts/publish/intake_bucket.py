"""The intake bucket: where content goes that is too large for a record."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from kundenportal_contracts.publish.errors import IntakeUnavailable, PublishFailed

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
        try:
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
        except BaseError:
            raise PublishFailed(f"{target!r} names no S3 bucket") from None

    async def put(self, key: str, content: bytes | Path, media_type: str) -> None:
        where = f"the intake bucket {self._target.bucket} at {self._target.endpoint}"
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                await self._store.put_async(key, content, attributes={"Content-Type": media_type})
        except NotFoundError:
            raise PublishFailed(f"{where} is not there") from None
        except (PermissionDeniedError, UnauthenticatedError):
            raise PublishFailed(f"{where} refuses these credentials") from None
        except TimeoutError:
            raise IntakeUnavailable(f"{where} did not take the content within {UPLOAD_SECONDS:.0f} s") from None
        except BaseError:
            raise IntakeUnavailable(f"{where} does not answer") from None
        except OSError as error:
            raise PublishFailed(f"the file cannot be read: {error.strerror}") from None
