"""Identity's ports kept in dictionaries: what unit tests use, held to PostgreSQL by test_repositories_contract."""

import copy
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.clock import Clock
from chassis.outbox.record import OutboxRow
from chassis.principal import Principal
from chassis.testing.memory_inbox import MemoryInbox
from chassis.testing.memory_outbox import MemoryOutbox
from identity.domain import FAILURE_WINDOW, SESSION_IDLE, Customer, Failures, Language, Login, Session, User
from identity.ports import Attempt, NewUser, Work


@dataclass(frozen=True)
class Credential:
    password_hash: str
    version: int
    initial: bool
    expires_at: datetime | None


@dataclass(frozen=True)
class SessionRow:
    session_id: UUID
    user_id: UUID
    last_seen_at: datetime
    expires_at: datetime


@dataclass
class Tables:
    customers: dict[str, Customer] = field(default_factory=dict)
    closed: dict[str, datetime] = field(default_factory=dict)
    users: dict[UUID, User] = field(default_factory=dict)
    own_languages: dict[UUID, Language] = field(default_factory=dict)
    credentials: dict[UUID, Credential] = field(default_factory=dict)
    sessions: dict[bytes, SessionRow] = field(default_factory=dict)
    acceptances: dict[tuple[UUID, str], datetime] = field(default_factory=dict)
    failures: dict[Attempt, Failures] = field(default_factory=dict)
    inbox: dict[tuple[str, str], bytes] = field(default_factory=dict)
    outbox: list[OutboxRow] = field(default_factory=list)

    def user(self, user_id: UUID) -> User:
        user = self.users[user_id]
        language = self.own_languages.get(user_id) or self.customers[user.customer_number].language
        return replace(user, language=language)

    def login(self, user_id: UUID) -> Login:
        own = self.credentials[user_id]
        return Login(self.user(user_id), own.password_hash, own.version, own.initial, own.expires_at)


class MemoryCustomers:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, customers: Sequence[Customer]) -> set[str]:
        new = {one.customer_number: one for one in customers if one.customer_number not in self._tables.customers}
        self._tables.customers.update(new)
        return set(new)

    async def lock(self, numbers: Collection[str]) -> Mapping[str, Customer]:
        return {number: self._tables.customers[number] for number in numbers if number in self._tables.customers}

    async def save(self, customers: Sequence[Customer]) -> None:
        self._tables.customers.update({one.customer_number: one for one in customers})

    async def close(self, numbers: Collection[str], now: datetime) -> None:
        for number in numbers:
            self._tables.closed.setdefault(number, now)


class MemoryUsers:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, users: Sequence[NewUser]) -> set[UUID]:
        added: set[UUID] = set()
        for new in users:
            if new.user.username not in {user.username for user in self._tables.users.values()}:
                self._tables.users[new.user.user_id] = new.user
                self._tables.credentials[new.user.user_id] = Credential(
                    new.password_hash, 1, initial=True, expires_at=new.expires_at
                )
                added.add(new.user.user_id)
        return added

    async def first_of(self, numbers: Collection[str]) -> Mapping[str, User]:
        return {user.customer_number: user for user in await self.lock_of(numbers) if user.first}

    async def lock_of(self, numbers: Collection[str]) -> Sequence[User]:
        found = [self._tables.user(user_id) for user_id in sorted(self._tables.users)]
        return [user for user in found if user.customer_number in numbers]

    async def lock_followers(self, numbers: Collection[str]) -> Sequence[User]:
        return [user for user in await self.lock_of(numbers) if user.user_id not in self._tables.own_languages]

    async def lock(self, user_id: UUID) -> User | None:
        return self._tables.user(user_id) if user_id in self._tables.users else None

    async def save(self, users: Sequence[User]) -> None:
        for user in users:
            stored = self._tables.users[user.user_id]
            self._tables.users[user.user_id] = replace(stored, user_version=user.user_version, status=user.status)


class MemoryCredentials:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, username: str) -> Login | None:
        found = (user_id for user_id, user in self._tables.users.items() if user.username == username)
        return next((self._tables.login(user_id) for user_id in found), None)

    async def of(self, user_id: UUID) -> Login | None:
        return self._tables.login(user_id) if user_id in self._tables.credentials else None

    hold = of

    async def replace(self, login: Login, new_hash: str) -> bool:
        stored = self._tables.credentials.get(login.user.user_id)
        if stored is None or stored.version != login.password_version:
            return False
        self._tables.credentials[login.user.user_id] = Credential(
            new_hash, stored.version + 1, initial=False, expires_at=None
        )
        return True

    async def rehash(self, login: Login, new_hash: str) -> None:
        stored = self._tables.credentials.get(login.user.user_id)
        if stored and stored.version == login.password_version:
            self._tables.credentials[login.user.user_id] = replace(stored, password_hash=new_hash)


class MemorySessions:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(
        self, *, session_id: UUID, token_sha256: bytes, user: User, now: datetime, expires_at: datetime
    ) -> None:
        self._tables.sessions[token_sha256] = SessionRow(session_id, user.user_id, now, expires_at)

    async def find(self, token_sha256: bytes, *, notice_version: str) -> Session | None:
        row = self._tables.sessions.get(token_sha256)
        if row is None:
            return None
        user = self._tables.user(row.user_id)
        return Session(
            session_id=row.session_id,
            user=user,
            company=self._tables.customers[user.customer_number].company,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            must_change_password=self._tables.credentials[user.user_id].initial,
            notice_accepted=(user.user_id, notice_version) in self._tables.acceptances,
        )

    async def seen(self, session_id: UUID, now: datetime) -> None:
        for token, row in self._tables.sessions.items():
            if row.session_id == session_id:
                self._tables.sessions[token] = replace(row, last_seen_at=now)

    async def end(self, session_id: UUID) -> None:
        self._forget(lambda row: row.session_id == session_id)

    async def end_of(self, user_ids: Collection[UUID], *, but: UUID | None = None) -> None:
        self._forget(lambda row: row.user_id in user_ids and row.session_id != but)

    async def forget_ended(self, now: datetime) -> int:
        return self._forget(lambda row: row.expires_at <= now or row.last_seen_at <= now - SESSION_IDLE)

    def _forget(self, over: Any) -> int:
        gone = [token for token, row in self._tables.sessions.items() if over(row)]
        for token in gone:
            del self._tables.sessions[token]
        return len(gone)


class MemoryAcceptances:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, user: User, version: str, now: datetime) -> None:
        self._tables.acceptances.setdefault((user.user_id, version), now)


class MemoryFailures:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def of(self, attempt: Attempt) -> Failures | None:
        return self._tables.failures.get(attempt)

    async def add(self, attempt: Attempt, now: datetime) -> None:
        before = self._tables.failures.get(attempt)
        if before is None or before.since <= now - FAILURE_WINDOW:
            before = Failures(0, now)
        self._tables.failures[attempt] = Failures(before.count + 1, before.since)

    async def clear(self, attempt: Attempt) -> None:
        self._tables.failures.pop(attempt, None)

    async def forget_old(self, now: datetime) -> int:
        old = [attempt for attempt, one in self._tables.failures.items() if one.since <= now - FAILURE_WINDOW]
        for attempt in old:
            del self._tables.failures[attempt]
        return len(old)


class MemoryTransactions:
    """What a block did is kept when it is left, and undone by an exception."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tables = Tables()

    @asynccontextmanager
    async def service(self) -> AsyncIterator[Work]:
        before = copy.deepcopy(self.tables)
        try:
            yield self._work()
        except BaseException:
            self.tables = before
            raise

    @asynccontextmanager
    async def tenant(self, principal: Principal) -> AsyncIterator[Work]:  # noqa: ARG002 - who asks right is all it knows
        async with self.service() as work:
            yield work

    def _work(self) -> Work:
        tables = self.tables
        outbox = MemoryOutbox(source="identity", clock=self.clock)
        outbox.rows = tables.outbox
        return Work(
            customers=MemoryCustomers(tables),
            users=MemoryUsers(tables),
            credentials=MemoryCredentials(tables),
            sessions=MemorySessions(tables),
            acceptances=MemoryAcceptances(tables),
            failures=MemoryFailures(tables),
            inbox=MemoryInbox(tables.inbox),
            outbox=outbox,
        )
