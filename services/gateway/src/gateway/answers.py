"""What the services tell, as far as the pages show it. An answer that does not fit is the service's fault, never a visitor's."""

from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.logs import get_logger
from gateway.upstreams import Answer, ServiceUnavailable

log = get_logger()


class Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


M = TypeVar("M", bound=Told)


class User(Told):
    id: str
    username: str
    email: str
    salutation: str = "none"
    first_name: str = ""
    last_name: str = ""
    language: str = "de"

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.username


class Customer(Told):
    customer_number: str
    company: str


class Visitor(Told):
    """The body of `GET /api/v1/session`."""

    user: User
    customer: Customer
    role: str
    pending: tuple[str, ...] = ()


class PrivacyNotice(Told):
    version: str
    title: str
    html: str


class Document(Told):
    id: str
    document_number: str
    document_type: str
    issued_on: date
    published_at: datetime
    available_until: date | datetime | None = None
    version: int = 1
    corrected: bool = False
    new: bool = False
    media_type: str = "application/pdf"
    size: int = 0
    has_xml: bool = False
    gross_amount: Decimal | None = None
    currency: str | None = None


class DocumentVersion(Told):
    version: int
    current: bool = False
    published_at: datetime | None = None
    media_type: str = "application/pdf"
    size: int = 0
    due_on: date | None = None


class DocumentDetails(Document):
    versions: tuple[DocumentVersion, ...] = ()

    @property
    def due_on(self) -> date | None:
        return next((version.due_on for version in self.versions if version.current), None)


class Group(Told):
    key: str
    count: int


class DocumentList(Told):
    items: tuple[Document, ...]
    next_cursor: str | None = None
    groups: tuple[Group, ...] | None = None


class Content(Told):
    """Where the bytes of one document version lie, for one minute, and what they are."""

    url: str
    filename: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    media_type: str


class Delivery(Told):
    address: str
    form: str
    state: str
    reason: str | None = None
    updated_at: datetime | None = None


class DeliveryList(Told):
    items: tuple[Delivery, ...]


class NotificationSettings(Told):
    default: str
    by_type: dict[str, str] = {}


def read(model: type[M], answer: Answer, service: str) -> M:
    """Read a 200's body, or raise ServiceUnavailable: nonsense is no answer."""
    wrong: object = answer.status
    if answer.status == HTTPStatus.OK:
        try:
            return model.model_validate_json(answer.body)
        except ValidationError as error:
            # The fields alone: the values are customers' own.
            wrong = sorted({".".join(map(str, fault["loc"])) for fault in error.errors(include_input=False)})
    log.error("upstream_misunderstood", upstream=service, model=model.__name__, wrong=wrong)
    raise ServiceUnavailable(service)
