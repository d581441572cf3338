"""What documents says: a document is there, was refused, is gone or soon will be; an archive can be fetched."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kundenportal_contracts.envelope import EventData
from kundenportal_contracts.fields import (
    Amount,
    Count,
    Currency,
    CustomerNumber,
    Day,
    DocumentNumber,
    DocumentType,
    Flag,
    Instant,
    ObjectKey,
    Remark,
    Sha256,
    Version,
    Word,
)
from kundenportal_contracts.topics import DOCUMENTS, Topic

INVOICE = "invoice"
CREDIT_NOTE = "credit_note"
CANCELLATION = "cancellation"
REMINDER = "reminder"
DELIVERY_NOTE = "delivery_note"
STATEMENT = "statement"
CONTRACT = "contract"
OTHER = "other"
# Any other value is kept as it came and shown like OTHER.
DOCUMENT_TYPES = (INVOICE, CREDIT_NOTE, CANCELLATION, REMINDER, DELIVERY_NOTE, STATEMENT, CONTRACT, OTHER)

# In the order in which they are checked: the first that applies is told.
DocumentRejection = Literal[
    "malformed_event",
    "foreign_source",
    "event_id_reused",
    "unsupported_media_type",
    "invalid_field",
    "too_large",
    "content_missing",
    "hash_mismatch",
    "encrypted_pdf",
    "unreadable_content",
]
Removal = Literal["withdrawn", "expired", "erased"]


class Finding(BaseModel):
    """Something noteworthy about a document that was taken all the same."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    code: Word
    detail: Remark


class EInvoice(BaseModel):
    """What a structured invoice says of itself. Fields beyond `profile` are kept as they came."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    profile: Annotated[str, Field(min_length=1, max_length=256)]


class DocumentPublished(EventData):
    """A version is filed, or visible again. `current` says whether it is the one that customers see.

    `published_at` is when it was filed first, `available_until` the last day on which it can be fetched (Europe/Berlin),
    `object_key` where its bytes lie in the documents bucket, `size` their number.
    """

    ce_type: ClassVar[str] = "documents.DocumentPublished.v1"
    topic: ClassVar[Topic] = DOCUMENTS

    document_id: UUID
    version: Version
    current: Flag
    customer_number: CustomerNumber
    document_number: DocumentNumber
    document_type: DocumentType
    issued_on: Day
    published_at: Instant
    available_until: Day
    media_type: Literal["application/pdf", "application/xml"]
    size: Count
    sha256: Sha256
    object_key: ObjectKey
    xml_object_key: ObjectKey | None = None
    gross_amount: Amount | None = None
    currency: Currency | None = None
    due_on: Day | None = None
    einvoice: EInvoice | None = None
    findings: tuple[Finding, ...] = ()


class DocumentRejected(EventData):
    """A record on billing's document topic that is in quarantine. Its key may also be that of the record."""

    ce_type: ClassVar[str] = "documents.DocumentRejected.v1"
    topic: ClassVar[Topic] = DOCUMENTS

    customer_number: CustomerNumber | None
    document_number: DocumentNumber | None
    ce_source: Remark | None
    ce_id: Remark | None
    reason: DocumentRejection
    detail: Remark
    quarantine_id: UUID

    @property
    def key(self) -> str:
        """The customer's number, else the quarantine's id."""
        return self.customer_number or str(self.quarantine_id)


class DocumentRemoved(EventData):
    """One version, or with `version` None the whole document, is no longer to be seen."""

    ce_type: ClassVar[str] = "documents.DocumentRemoved.v1"
    topic: ClassVar[Topic] = DOCUMENTS

    document_id: UUID
    version: Version | None
    customer_number: CustomerNumber
    document_number: DocumentNumber
    reason: Removal


class RetentionEnding(EventData):
    """Documents that nobody fetched yet and that are gone for good after the day `until` (Europe/Berlin)."""

    ce_type: ClassVar[str] = "documents.RetentionEnding.v1"
    topic: ClassVar[Topic] = DOCUMENTS

    customer_number: CustomerNumber
    document_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=10_000)]
    until: Day


class ArchiveReady(EventData):
    """The ZIP that a user asked for can be fetched by this user until `expires_at`."""

    ce_type: ClassVar[str] = "documents.ArchiveReady.v1"
    topic: ClassVar[Topic] = DOCUMENTS

    archive_id: UUID
    user_id: UUID
    customer_number: CustomerNumber
    expires_at: Instant
