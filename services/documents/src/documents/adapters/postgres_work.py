"""Everything that is written together, over one connection in one transaction."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.inbox.deduplicate import Inbox
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
