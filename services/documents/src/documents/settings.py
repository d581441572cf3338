"""Every variable that this service reads, each with the prefix KUNDENPORTAL_."""

from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from chassis.settings import (
    CommaList,
    DatabaseSettings,
    KafkaSettings,
    ObjectStoreSettings,
    PrincipalSettings,
    ServiceSettings,
)


class DocumentsSettings(ServiceSettings, DatabaseSettings, KafkaSettings, PrincipalSettings, ObjectStoreSettings):
    s3_intake_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    billing_sources: Annotated[CommaList, Field(min_length=1)] = ("billing/*",)
    max_document_bytes: Annotated[int, Field(ge=1, le=1024 * 1024 * 1024)] = 25_000_000
    retention_months: Annotated[int, Field(ge=1, le=1200)] = 13
    inspection_workers: Annotated[int, Field(ge=1, le=64)] = 2

    def is_billing(self, source: str) -> bool:
        """Whether an event of this source may be listened to."""
        return any(fnmatchcase(source, pattern) for pattern in self.billing_sources)
