"""What the billing systems say: customers and documents, handed over.

Anybody's program may write here, so every bound is strict and every refusal names its field.
"""

import re
from base64 import b64encode
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

from kundenportal_contracts.envelope import EventData
from kundenportal_contracts.fields import (
    Amount,
    Company,
    Count,
    Currency,
    CustomerNumber,
    Day,
    Described,
    DocumentNumber,
    DocumentType,
    Email,
    Language,
    Name,
    ObjectKey,
    Reason,
    Salutation,
    Sha256,
    WishedUsername,
)
from kundenportal_contracts.topics import BILLING_CUSTOMERS, BILLING_DOCUMENTS, Topic

PDF = "application/pdf"
XML = "application/xml"
MEDIA_TYPES = frozenset({PDF, XML})
INLINE_BYTES = 512 * 1024
INLINE_CHARACTERS = 4 * -(-INLINE_BYTES // 3)
NOT_BASE64 = "must be base64 (RFC 4648, with padding, without line breaks)"
ONE_OF_TWO: JsonValue = [
    {"required": ["inline"], "properties": {"inline": {"type": "string"}, "object": {"type": "null"}}},
    {"required": ["object"], "properties": {"object": {"type": "object"}, "inline": {"type": "null"}}},
]
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,31}")


class CustomerData(EventData):
    """A customer with the person who becomes its first user."""

    topic: ClassVar[Topic] = BILLING_CUSTOMERS

    customer_number: CustomerNumber
    company: Company
    email: Email
    username: WishedUsername | None = None
    salutation: Salutation
    first_name: Name
    last_name: Name
    language: Language

    @property
    def wished_username(self) -> str | None:
        """The username billing asks for, in lower case; None where it breaks the rules and one is made instead."""
        wish = (self.username or "").lower()
        return wish if USERNAME.fullmatch(wish) else None


class CustomerRegistered(CustomerData):
    """A new customer; its first user gets a mail with username and initial password. Said again, it counts as changed."""

    ce_type: ClassVar[str] = "billing.CustomerRegistered.v1"


class CustomerChanged(CustomerData):
    """The customer as it is now: company and language are taken, never a user's own name or address."""

    ce_type: ClassVar[str] = "billing.CustomerChanged.v1"


class CustomerClosed(EventData):
    """The customer's users can no longer sign in."""

    ce_type: ClassVar[str] = "billing.CustomerClosed.v1"
    topic: ClassVar[Topic] = BILLING_CUSTOMERS

    customer_number: CustomerNumber
    reason: Reason


# Several times as fast as binascii on a large text, and as strict but for the padding and the URL-safe alphabet.
_BASE64 = TypeAdapter(bytes, config=ConfigDict(val_json_bytes="base64"))


def _from_base64(value: object) -> object:
    if not isinstance(value, str):
        return value
    if len(value) > INLINE_CHARACTERS:
        raise ValueError(f"must be at most {INLINE_BYTES} bytes before base64")
    if len(value) % 4 or "-" in value or "_" in value:
        raise ValueError(NOT_BASE64)
    try:
        raw = _BASE64.validate_strings(value)
    except ValidationError:
        raise ValueError(NOT_BASE64) from None
    if len(raw) > INLINE_BYTES:
        raise ValueError(f"must be at most {INLINE_BYTES} bytes before base64")
    return raw


class ObjectReference(BaseModel):
    """Where the bytes lie in the intake bucket."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    key: ObjectKey


class Content(BaseModel):
    """The bytes themselves, or where they lie: exactly one of the two. `inline` holds them decoded."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, json_schema_extra={"oneOf": ONE_OF_TWO}
    )

    inline: (
        Annotated[
            bytes,
            BeforeValidator(_from_base64),
            Described(
                f"The bytes in base64 (RFC 4648, with padding, without line breaks), at most {INLINE_BYTES} of them.",
                format=None,
                contentEncoding="base64",
                maxLength=INLINE_CHARACTERS,
            ),
        ]
        | None
    ) = None
    object: ObjectReference | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.inline is None) == (self.object is None):
            raise ValueError("must have either inline or object")
        return self

    @model_serializer
    def _as_json(self) -> dict[str, str | dict[str, str]]:
        if self.object is not None:
            return {"object": {"key": self.object.key}}
        return {"inline": b64encode(self.inline or b"").decode("ascii")}


class DocumentIssued(EventData):
    """One document, or another version of it. Natural key: customer_number, document_number, sha256.

    `size` is the number of bytes; any number is taken, so that one that is too large can be told from one that is
    nonsense. `sha256` and `size` are those of the bytes that `content` holds or refers to.
    """

    ce_type: ClassVar[str] = "billing.DocumentIssued.v1"
    topic: ClassVar[Topic] = BILLING_DOCUMENTS

    customer_number: CustomerNumber
    document_number: DocumentNumber
    document_type: DocumentType
    issued_on: Day
    media_type: Literal["application/pdf", "application/xml"]
    size: Count
    sha256: Sha256
    content: Content
    gross_amount: Amount | None = None
    currency: Currency | None = None
    due_on: Day | None = None


class DocumentWithdrawn(EventData):
    """The document is hidden in all versions that were issued before (`ce_time`), also where it is not known yet."""

    ce_type: ClassVar[str] = "billing.DocumentWithdrawn.v1"
    topic: ClassVar[Topic] = BILLING_DOCUMENTS

    customer_number: CustomerNumber
    document_number: DocumentNumber
    reason: Reason


def object_belongs_to(source: str, key: str) -> bool:
    """Whether an object of the intake bucket lies under the speaker's own prefix, without a way out of it."""
    return key.startswith(f"{source}/") and "\\" not in key and not {"", ".", ".."}.intersection(key.split("/"))
