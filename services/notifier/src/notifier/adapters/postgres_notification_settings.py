"""What each user chose, in PostgreSQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from notifier.adapters.tables import notification_settings as table
from notifier.domain import Mode, NotificationSettings


class PostgresNotificationSettings:
    """The settings, inside one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def get(self, user_id: UUID) -> NotificationSettings | None:
        row = (await self._conn.execute(select(table).where(table.c.user_id == user_id))).one_or_none()
        return None if row is None else read_settings(row)

    async def put(self, user_id: UUID, customer_number: str, settings: NotificationSettings) -> None:
        values = {"default_mode": settings.default.value, "by_type": dict(settings.by_type), "updated_at": func.now()}
        await self._conn.execute(
            insert(table)
            .values(user_id=user_id, customer_number=customer_number, **values)
            .on_conflict_do_update(index_elements=[table.c.user_id], set_=values)
        )


def read_settings(row: Any) -> NotificationSettings:
    by_type = {name: Mode(mode) for name, mode in row.by_type.items()}
    return NotificationSettings(Mode(row.default_mode), by_type)
