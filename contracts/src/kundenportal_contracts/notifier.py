"""What the notifier says: what became of each mail, and which forwarding it stopped."""

from typing import ClassVar, Literal
from uuid import UUID

from kundenportal_contracts.envelope import EventData
from kundenportal_contracts.fields import CustomerNumber, Email, Instant, Remark, Version, Word
from kundenportal_contracts.topics import DELIVERIES, Topic

MailForm = Literal["attachment", "notice"]


class Mail(EventData):
    """One mail to one address. `reason` is what the other side said; `document_id` and `version` name its document, if any."""

    topic: ClassVar[Topic] = DELIVERIES

    delivery_id: UUID
    purpose: Word
    document_id: UUID | None = None
    version: Version | None = None
    customer_number: CustomerNumber
    address: Email
    form: MailForm
    reason: Remark | None = None
    at: Instant


class MailSent(Mail):
    """The other side took it."""

    ce_type: ClassVar[str] = "notifier.MailSent.v1"


class MailDelayed(Mail):
    """It could not be handed over yet and is tried again."""

    ce_type: ClassVar[str] = "notifier.MailDelayed.v1"


class MailBounced(Mail):
    """The other side refused the address for good."""

    ce_type: ClassVar[str] = "notifier.MailBounced.v1"


class MailFailed(Mail):
    """It is given up."""

    ce_type: ClassVar[str] = "notifier.MailFailed.v1"


class MailUnknown(Mail):
    """The connection broke after the whole mail was written: it may have arrived."""

    ce_type: ClassVar[str] = "notifier.MailUnknown.v1"


class ForwardPaused(EventData):
    """Mails of this forwarding rule bounced, so it sends no more until somebody resumes it. `reason` is what was said."""

    ce_type: ClassVar[str] = "notifier.ForwardPaused.v1"
    topic: ClassVar[Topic] = DELIVERIES

    forward_id: UUID
    customer_number: CustomerNumber
    address: Email
    reason: Remark | None = None
    at: Instant
