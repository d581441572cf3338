"""Builds that are wrong on purpose: FAULT_BROKEN names one. Each takes one mechanism away, and the checker has to see it."""

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.database import Database
from chassis.inbox.deduplicate import Identity
from chassis.messaging.consumer import Transactions
from chassis.messaging.membership import Member
from chassis.messaging.subscriptions import Event, Partition, Record
from chassis.outbox.record import EventLog
from chassis.outbox.relay import Held
from documents.adapters.postgres_documents import PostgresDocuments, number_key
from documents.adapters.postgres_work import PostgresEffectsBefore, postgres_work
from documents.domain import Document
from documents.ports import DocumentName, Documents, DocumentsWork, EffectsBefore, Inbox, Quarantine

BROKEN = "FAULT_BROKEN"
OFFSET_BEFORE_EFFECT = "offset_before_effect"
ACKNOWLEDGED_BEFORE_COMMIT = "acknowledged_before_commit"
NO_INBOX = "no_inbox"
NO_INBOX_NO_NATURAL_KEY = "no_inbox_no_natural_key"
RELAY_WITHOUT_LOCK = "relay_without_lock"
BUILDS = {OFFSET_BEFORE_EFFECT, ACKNOWLEDGED_BEFORE_COMMIT, NO_INBOX, NO_INBOX_NO_NATURAL_KEY, RELAY_WITHOUT_LOCK}

KEYS_GONE = (
    "ALTER TABLE document DROP CONSTRAINT document_customer_number_key",
    "ALTER TABLE document_version DROP CONSTRAINT document_version_sha256_key",
)
"""What a schema without natural keys lacks; the test that builds NO_INBOX_NO_NATURAL_KEY takes them away."""


def build(environ: Mapping[str, str] = os.environ) -> str:
    """Which build this process is; empty for the right one. A name that nobody knows is no build at all."""
    name = environ.get(BROKEN, "")
    if name and name not in BUILDS:
        raise ValueError(f"no such build: {name}")
    return name


class _Other:
    """Does what the real thing does, but for what a subclass takes over."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class EagerMember(_Other):
    """Acknowledges what it hands out, before anybody did anything with it."""

    async def poll(self, partition: Partition, **bounds: Any) -> list[Record]:
        records: list[Record] = await self._real.poll(partition, **bounds)
        if records:
            await self._real.commit(partition, records[-1].offset + 1)
        return records


@dataclass(frozen=True, slots=True)
class _Polled:
    member: Member
    partition: Partition
    next_offset: int


_polled: ContextVar[_Polled] = ContextVar("polled")


class RememberingMember(_Other):
    """Lets the transaction of the same task know what was polled for it."""

    async def poll(self, partition: Partition, **bounds: Any) -> list[Record]:
        records: list[Record] = await self._real.poll(partition, **bounds)
        if records:
            _polled.set(_Polled(self._real, partition, records[-1].offset + 1))
        return records


class AcknowledgingTransactions:
    """Acknowledges at the end of the transaction, before its commit."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    @asynccontextmanager
    async def service_transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._database.service_transaction() as connection:
            yield connection
            polled = _polled.get()
            await polled.member.commit(polled.partition, polled.next_offset)


class ForgetfulInbox:
    """Knows nothing and keeps nothing."""

    async def known(self, events: Sequence[Event]) -> dict[Identity, bytes]:  # noqa: ARG002 - that is the fault
        return {}

    async def take(self, events: Sequence[Event]) -> None:
        """Forget them at once."""


class KeylessDocuments:
    """Takes every arrival for a new document."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn, self._real = conn, PostgresDocuments(conn)

    async def lock(self, names: Iterable[DocumentName]) -> Mapping[DocumentName, Document]:
        made = {name: Document(uuid4(), *name) for name in names}
        for document in made.values():
            await self._conn.exec_driver_sql(
                "INSERT INTO document (id, customer_number, document_number, number_key) VALUES ($1, $2, $3, $4)",
                (document.id, document.customer_number, document.document_number, number_key(document.document_number)),
            )
        return made

    async def save(self, documents: Iterable[Document]) -> None:
        await self._real.save(documents)


@dataclass(frozen=True, slots=True)
class _Work:
    documents: Documents
    quarantine: Quarantine
    inbox: Inbox
    outbox: EventLog


def work(name: str, conn: AsyncConnection, clock: Clock) -> DocumentsWork:
    """What the handlers write with in this build."""
    real = postgres_work(conn, clock)
    if name == NO_INBOX:
        return _Work(real.documents, real.quarantine, ForgetfulInbox(), real.outbox)
    if name == NO_INBOX_NO_NATURAL_KEY:
        return _Work(KeylessDocuments(conn), real.quarantine, ForgetfulInbox(), real.outbox)
    return real


def before(name: str, database: Database) -> EffectsBefore:
    """What the handlers ask first in this build."""
    return ForgetfulInbox() if name in {NO_INBOX, NO_INBOX_NO_NATURAL_KEY} else PostgresEffectsBefore(database)


def member(name: str, real: Member) -> Member:
    """How this build hears."""
    if name == OFFSET_BEFORE_EFFECT:
        return cast("Member", EagerMember(real))
    return cast("Member", RememberingMember(real)) if name == ACKNOWLEDGED_BEFORE_COMMIT else real


def transactions(name: str, real: Transactions) -> Transactions:
    """How this build commits."""
    return AcknowledgingTransactions(real) if name == ACKNOWLEDGED_BEFORE_COMMIT else real


class LocklessOutbox(_Other):
    """Believes that it is alone."""

    async def try_lock(self) -> bool:
        return True


def outbox(name: str, real: Held) -> Held:
    """How this build holds the outbox."""
    return cast("Held", LocklessOutbox(real)) if name == RELAY_WITHOUT_LOCK else real
