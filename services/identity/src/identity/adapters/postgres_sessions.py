"""Sessions in PostgreSQL, found by the SHA-256 of their token; finding one is a single query over primary keys."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from identity.adapters.postgres_users import USER_COLUMNS, user_of
from identity.adapters.tables import credential, customer, privacy_acceptance, session, user_account
from identity.domain import SESSION_IDLE, Session, User

_ACCEPTED = exists().where(
    privacy_acceptance.c.user_id == user_account.c.user_id,
    privacy_acceptance.c.version == bindparam("notice_version"),
)

FIND = (
    select(
        session.c.session_id,
        session.c.last_seen_at,
        session.c.expires_at,
        *USER_COLUMNS,
        customer.c.company,
        credential.c.initial,
        _ACCEPTED.label("notice_accepted"),
    )
    .select_from(session)
    .join(user_account, user_account.c.user_id == session.c.user_id)
    .join(customer, customer.c.customer_number == user_account.c.customer_number)
    .join(credential, credential.c.user_id == user_account.c.user_id)
    .where(session.c.token_sha256 == bindparam("token_sha256"))
)


class PostgresSessions:
    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(
        self, *, session_id: UUID, token_sha256: bytes, user: User, now: datetime, expires_at: datetime
    ) -> None:
        await self._conn.execute(
            insert(session).values(
                session_id=session_id,
                token_sha256=token_sha256,
                user_id=user.user_id,
                customer_number=user.customer_number,
                started_at=now,
                last_seen_at=now,
                expires_at=expires_at,
            )
        )

    async def find(self, token_sha256: bytes, *, notice_version: str) -> Session | None:
        asked = {"token_sha256": token_sha256, "notice_version": notice_version}
        row = (await self._conn.execute(FIND, asked)).one_or_none()
        if row is None:
            return None
        return Session(
            session_id=row.session_id,
            user=user_of(row),
            company=row.company,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            must_change_password=row.initial,
            notice_accepted=row.notice_accepted,
        )

    async def seen(self, session_id: UUID, now: datetime) -> None:
        await self._conn.execute(update(session).where(session.c.session_id == session_id).values(last_seen_at=now))

    async def end(self, session_id: UUID) -> None:
        await self._conn.execute(delete(session).where(session.c.session_id == session_id))

    async def end_of(self, user_ids: Collection[UUID], *, but: UUID | None = None) -> None:
        theirs = session.c.user_id.in_(user_ids)
        await self._conn.execute(delete(session).where(theirs & (session.c.session_id != but) if but else theirs))

    async def forget_ended(self, now: datetime) -> int:
        over = (session.c.expires_at <= now) | (session.c.last_seen_at <= now - SESSION_IDLE)
        return (await self._conn.execute(delete(session).where(over))).rowcount
