"""IN from HTTP: a user's own notification settings, and the delivery log."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from chassis.principal import Principal
from chassis.problems import Problem
from notifier.domain import Form, Mode, NotificationSettings, Purpose, State, address_key
from notifier.ports import DeliveryItem, DeliveryLog, LogQuery, NotificationSettingsBook, OwnAddress

MOST_ITEMS = 200
CURSOR_YEARS = range(2000, 2200)
KnownType = Literal[
    "invoice", "credit_note", "cancellation", "reminder", "delivery_note", "statement", "contract", "other"
]
ShownState = Literal["queued", "sending", "sent", "delayed", "bounced", "failed", "unknown", "suppressed"]


class TenantWork(Protocol):
    """One transaction that sees the rows of one customer."""

    @property
    def settings(self) -> NotificationSettingsBook: ...
    @property
    def log(self) -> DeliveryLog: ...
    @property
    def address_book(self) -> OwnAddress: ...


Begin = Callable[[Principal], AbstractAsyncContextManager[TenantWork]]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Mode
    by_type: dict[KnownType, Mode] = Field(default_factory=dict)


class Delivery(BaseModel):
    id: UUID
    purpose: Purpose
    document_id: UUID | None
    document_number: str | None
    address: str
    form: Form
    state: ShownState
    reason: str | None
    queued_at: datetime
    updated_at: datetime


class Deliveries(BaseModel):
    items: list[Delivery]
    next_cursor: str | None


class LogFilter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    document_id: UUID | None = None
    address: Annotated[str, Field(max_length=254)] | None = None
    state: ShownState | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = 50
    cursor: Annotated[str, Field(max_length=200)] | None = None


def router(begin: Begin, authenticated: Callable[..., Awaitable[Principal]]) -> APIRouter:
    routes = APIRouter(prefix="/api/v1")
    Who = Annotated[Principal, Depends(authenticated)]  # noqa: N806 -- a type

    @routes.get("/notification-settings")
    async def read_settings(principal: Who) -> Settings:
        async with begin(principal) as work:
            settings = await work.settings.get(principal.user_id) or NotificationSettings()
        return Settings.model_validate({"default": settings.default, "by_type": dict(settings.by_type)})

    @routes.put("/notification-settings")
    async def write_settings(principal: Who, wanted: Settings) -> Settings:
        settings = NotificationSettings(wanted.default, {str(name): mode for name, mode in wanted.by_type.items()})
        async with begin(principal) as work:
            await work.settings.put(principal.user_id, principal.customer_number, settings)
        return wanted

    @routes.get("/deliveries")
    async def read_deliveries(principal: Who, wanted: Annotated[LogFilter, Query()]) -> Deliveries:
        async with begin(principal) as work:
            query = await _query(principal, wanted, work.address_book)
            items = await work.log.read(query) if query else []
        page = items[: wanted.limit]
        return Deliveries(
            items=[_shown(item) for item in page],
            next_cursor=_cursor(page[-1]) if len(items) > wanted.limit else None,
        )

    return routes


async def _query(principal: Principal, wanted: LogFilter, book: OwnAddress) -> LogQuery | None:
    """Administrators see everything of their customer, members what went to their own address."""
    address = wanted.address
    if principal.role != "administrator":
        own = await book.address_of(principal.user_id)
        if own is None or (address is not None and address_key(address) != address_key(own)):
            return None
        address = own
    return LogQuery(
        customer_number=principal.customer_number,
        document_id=wanted.document_id,
        address=address,
        states=_states(wanted.state),
        limit=wanted.limit + 1,
        position=_position(wanted.cursor),
    )


def _states(shown: ShownState | None) -> frozenset[State] | None:
    if shown is None:
        return None
    return frozenset({State.SENDING, State.DOT_PENDING}) if shown == "sending" else frozenset({State(shown)})


def _shown(item: DeliveryItem) -> Delivery:
    state = State.SENDING if item.state is State.DOT_PENDING else item.state
    return Delivery.model_validate({**_facts(item), "state": state.value})


def _facts(item: DeliveryItem) -> dict[str, object]:
    return {name: getattr(item, name) for name in Delivery.model_fields}


def _cursor(item: DeliveryItem) -> str:
    return base64.urlsafe_b64encode(f"{item.queued_at.isoformat()} {item.id}".encode()).decode().rstrip("=")


def _position(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Where the page before ended; 422 for anything that was not given out as a cursor."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        at, _, item_id = text.partition(" ")
        place = datetime.fromisoformat(at)
        position = place.astimezone(UTC), UUID(item_id)
    except (binascii.Error, ValueError, OverflowError):
        position = None
    if position is None or place.tzinfo is None or position[0].year not in CURSOR_YEARS:
        raise Problem(422, "/problems/invalid-request", "The request is not valid", detail="cursor: not one of ours")
    return position
