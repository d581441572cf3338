"""What identity says: what became of a customer, who its users are, and the secrets for their mails."""

from typing import ClassVar, Literal
from uuid import UUID

from kundenportal_contracts.envelope import EventData
from kundenportal_contracts.fields import (
    CustomerNumber,
    Email,
    Flag,
    Instant,
    Jwe,
    Language,
    Name,
    Remark,
    Salutation,
    Username,
    Version,
)
from kundenportal_contracts.topics import CREDENTIALS, IDENTITY_CUSTOMERS, USERS, Topic

Role = Literal["member", "administrator"]
UserStatus = Literal["invited", "active", "deactivated"]
CustomerRejection = Literal["malformed_event", "invalid_field", "foreign_source", "event_id_reused"]


class CustomerAccepted(EventData):
    """The customer's first user has this username, be it the one billing asked for or one that was made."""

    ce_type: ClassVar[str] = "identity.CustomerAccepted.v1"
    topic: ClassVar[Topic] = IDENTITY_CUSTOMERS

    customer_number: CustomerNumber
    user_id: UUID
    username: Username


class CustomerRejected(EventData):
    """A record on billing's customer topic that cannot be taken. Its key may also be that of the record."""

    ce_type: ClassVar[str] = "identity.CustomerRejected.v1"
    topic: ClassVar[Topic] = IDENTITY_CUSTOMERS

    customer_number: CustomerNumber | None
    ce_source: Remark | None
    ce_id: Remark | None
    reason: CustomerRejection
    detail: Remark

    @property
    def key(self) -> str:
        """The customer's number, else the event's id."""
        return self.customer_number or self.ce_id or ""


class User(EventData):
    """The whole user. A reader applies it only where `user_version` is higher than what it has."""

    topic: ClassVar[Topic] = USERS
    key_field: ClassVar[str] = "user_id"

    user_id: UUID
    user_version: Version
    customer_number: CustomerNumber
    username: Username
    email: Email
    salutation: Salutation
    first_name: Name
    last_name: Name
    language: Language
    role: Role
    status: UserStatus


class UserCreated(User):
    """`first` is true for the user whom CustomerRegistered made."""

    ce_type: ClassVar[str] = "identity.UserCreated.v1"

    first: Flag


class UserChanged(User):
    """Name, address, language, role or status are other than before."""

    ce_type: ClassVar[str] = "identity.UserChanged.v1"


class UserDeactivated(User):
    """Nothing opens for this user any more, within seconds."""

    ce_type: ClassVar[str] = "identity.UserDeactivated.v1"


class UserReactivated(User):
    """A deactivated user may sign in again."""

    ce_type: ClassVar[str] = "identity.UserReactivated.v1"


class UserDeleted(User):
    """The last word about a user; a record without a value and with this ce_type follows it."""

    ce_type: ClassVar[str] = "identity.UserDeleted.v1"


class Credential(EventData):
    """Complete in itself, as it may overtake UserCreated. What `secret` holds opens something until `expires_at`."""

    topic: ClassVar[Topic] = CREDENTIALS
    key_field: ClassVar[str] = "user_id"

    user_id: UUID
    customer_number: CustomerNumber
    username: Username
    salutation: Salutation
    first_name: Name
    last_name: Name
    language: Language
    email: Email
    old_email: Email | None = None
    expires_at: Instant
    secret: Jwe


class InitialPasswordIssued(Credential):
    """A customer's first user gets a mail with username and one-time password. The secret is the password, good for 14 days."""

    ce_type: ClassVar[str] = "identity.InitialPasswordIssued.v1"


class InvitationIssued(Credential):
    """A user whom an administrator added is to choose a password. The secret is the token of the link, good for 7 days."""

    ce_type: ClassVar[str] = "identity.InvitationIssued.v1"


class PasswordResetRequested(Credential):
    """Somebody who knows the username forgot the password. The secret is the token of the link, good for an hour."""

    ce_type: ClassVar[str] = "identity.PasswordResetRequested.v1"


class EmailChangeRequested(Credential):
    """A user wants `email` instead of `old_email`, which is told too. The secret is the token of the link, good for 24 hours."""

    ce_type: ClassVar[str] = "identity.EmailChangeRequested.v1"
