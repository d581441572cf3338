"""Everything that is written together, over one connection in one transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.database import Database
from chassis.inbox.deduplicate import Identity, Inbox
from chassis.messaging.subscriptions import Event
from chassis.outbox.record import Outbox
from documents.adapters.postgres_documents import PostgresDocuments
from documents.adapters.postgres_quarantine import PostgresQuarantine


@dataclass(frozen=True, slots=True)
class PostgresWork:
    documents: PostgresDocuments
    quarantine: PostgresQuarantine
    inbox: Inbox
    outbox: Outbox


def postgres_work(conn: AsyncConnection, clock: Clock) -> PostgresWork:
    return PostgresWork(
        documents=PostgresDocuments(conn),
        quarantine=PostgresQuarantine(conn),
        inbox=Inbox(conn),
        outbox=Outbox(conn, source="documents", clock=clock),
    )


class PostgresEffectsBefore:
    """One look at a time, whatever the number of partitions: the pool is there for people, too."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()

    async def known(self, events: Sequence[Event]) -> dict[Identity, bytes]:
        async with self._turn, self._database.service_transaction() as conn:
            return await Inbox(conn).known(events)
