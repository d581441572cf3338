"""Recognise a person by the token of a session; every call after the login starts here."""

import hashlib
import secrets
from datetime import datetime

from chassis.principal import Principal
from identity.domain import SESSION_SEEN_EVERY, Session, SessionEnded
from identity.ports import Work

TOKEN_BYTES = 32
TOKEN_LONGEST = 128


def make_token() -> str:
    """Draw 256 bits; only their hash is stored."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def recognise_session(work: Work, token: str | None, *, notice_version: str, now: datetime) -> Session:
    """Find the open session of a token and remember, at most once a minute, that it is in use."""
    if not token or len(token) > TOKEN_LONGEST:
        raise SessionEnded
    session = await work.sessions.find(token_sha256(token), notice_version=notice_version)
    if session is None or not session.is_open(now):
        raise SessionEnded
    if now - session.last_seen_at >= SESSION_SEEN_EVERY:
        await work.sessions.seen(session.session_id, now)
    return session


def principal_of(session: Session) -> Principal:
    return Principal(session.user.user_id, session.user.customer_number, session.user.role, session.session_id)
