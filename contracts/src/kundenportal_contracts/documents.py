"""What documents says: a document is there, was refused, is gone."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

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

    code: str
    detail: Remark


class DocumentPublished(EventData):
    """A version is filed, or visible again. `current` says whether it is the one that customers see."""

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
    einvoice: dict[str, Any] | None = None
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
