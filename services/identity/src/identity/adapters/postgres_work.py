"""Transactions on PostgreSQL: each is the repositories over one connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.database import Database
from chassis.inbox.deduplicate import Inbox
from chassis.outbox.record import Outbox
from chassis.principal import Principal
from identity.adapters.postgres_acceptances import PostgresAcceptances
from identity.adapters.postgres_credentials import PostgresCredentials
from identity.adapters.postgres_customers import PostgresCustomers
from identity.adapters.postgres_failures import PostgresFailures
from identity.adapters.postgres_sessions import PostgresSessions
from identity.adapters.postgres_users import PostgresUsers
from identity.ports import Work


def postgres_work(conn: AsyncConnection, clock: Clock) -> Work:
    return Work(
        customers=PostgresCustomers(conn),
        users=PostgresUsers(conn),
        credentials=PostgresCredentials(conn),
        sessions=PostgresSessions(conn),
        acceptances=PostgresAcceptances(conn),
        failures=PostgresFailures(conn),
        inbox=Inbox(conn),
        outbox=Outbox(conn, source="identity", clock=clock),
    )


@dataclass(frozen=True, slots=True)
class PostgresTransactions:
    database: Database
    clock: Clock

    @asynccontextmanager
    async def service(self) -> AsyncIterator[Work]:
        async with self.database.service_transaction() as conn:
            yield postgres_work(conn, self.clock)

    @asynccontextmanager
    async def tenant(self, principal: Principal) -> AsyncIterator[Work]:
        async with self.database.tenant_transaction(principal) as conn:
            yield postgres_work(conn, self.clock)
