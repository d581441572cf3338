"""Customers in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from identity.adapters.tables import customer
from identity.domain import Customer

ADD = """
INSERT INTO customer (customer_number, company, language)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS new (customer_number, company, language)
ORDER BY customer_number
ON CONFLICT DO NOTHING
RETURNING customer_number
"""

SAVE = """
UPDATE customer SET company = new.company, language = new.language
FROM unnest($1::text[], $2::text[], $3::text[]) AS new (customer_number, company, language)
WHERE customer.customer_number = new.customer_number
"""


class PostgresCustomers:
    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, customers: Sequence[Customer]) -> set[str]:
        if not customers:
            return set()
        return set((await self._conn.exec_driver_sql(ADD, _columns(customers))).scalars())

    async def lock(self, numbers: Collection[str]) -> Mapping[str, Customer]:
        if not numbers:
            return {}
        statement = (
            select(customer.c.customer_number, customer.c.company, customer.c.language)
            .where(customer.c.customer_number.in_(numbers))
            .order_by(customer.c.customer_number)
            .with_for_update()
        )
        rows = await self._conn.execute(statement)
        return {row.customer_number: Customer(row.customer_number, row.company, row.language) for row in rows}

    async def save(self, customers: Sequence[Customer]) -> None:
        if customers:
            await self._conn.exec_driver_sql(SAVE, _columns(customers))

    async def close(self, numbers: Collection[str], now: datetime) -> None:
        still_open = customer.c.customer_number.in_(numbers) & customer.c.closed_at.is_(None)
        await self._conn.execute(update(customer).where(still_open).values(closed_at=now))


def _columns(customers: Sequence[Customer]) -> tuple[list[str], ...]:
    return (
        [one.customer_number for one in customers],
        [one.company for one in customers],
        [one.language for one in customers],
    )
