"""The delivery log as the portal asks for it, in PostgreSQL."""

from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.adapters.tables import delivery, published_document
from notifier.domain import Form, Purpose, State, address_key
from notifier.ports import DeliveryItem, LogQuery


class PostgresDeliveryLog:
    """The log, inside one transaction of a customer's own."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def read(self, query: LogQuery) -> list[DeliveryItem]:
        rows = await self._conn.execute(_statement(query))
        return [
            DeliveryItem(
                id=row.id,
                purpose=Purpose(row.purpose),
                document_id=row.document_id,
                document_number=row.document_number,
                address=row.address,
                form=Form(row.form),
                state=State(row.state),
                reason=row.reason,
                queued_at=row.queued_at,
                updated_at=row.updated_at,
            )
            for row in rows
        ]


def _statement(query: LogQuery) -> Select[tuple[object, ...]]:
    columns = delivery.c
    statement = (
        select(delivery, published_document.c.document_number)
        .outerjoin(
            published_document,
            (published_document.c.document_id == columns.document_id)
            & (published_document.c.version == columns.document_version),
        )
        .where(columns.customer_number == query.customer_number)
        .order_by(columns.queued_at.desc(), columns.id.desc())
        .limit(query.limit)
    )
    if query.document_id is not None:
        statement = statement.where(columns.document_id == query.document_id)
    if query.address is not None:
        statement = statement.where(columns.address_key == address_key(query.address))
    if query.states is not None:
        statement = statement.where(columns.state.in_([state.value for state in query.states]))
    if query.position is not None:
        statement = statement.where(tuple_(columns.queued_at, columns.id) < tuple_(*query.position))
    return statement
