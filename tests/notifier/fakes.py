"""In-memory stand-ins for the ports of the notifier, held to the real ones by tests/notifier/ports_contract.py."""

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import itemgetter
from uuid import UUID

from chassis.inbox.deduplicate import Identity
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.memory_inbox import MemoryInbox
from chassis.testing.memory_outbox import MemoryOutbox
from notifier.domain import (
    ALLOWED_FROM,
    LEASE,
    LEASE_ABSURD,
    LONGEST_WAIT_SECONDS,
    Answer,
    Credential,
    Document,
    NewDelivery,
    NotificationSettings,
    Person,
    Phase,
    Purpose,
    Recipient,
    State,
    User,
    domain_of,
)
from notifier.ports import DueMail, Message, Outcome, Result, Settled, Ticket, Withdrawn

RESEND = timedelta(seconds=30)


@dataclass
class DocumentRow:
    document: Document
    visible: bool = True
    waits_until: datetime | None = None


@dataclass
class DeliveryRow:
    new: NewDelivery
    state: State
    reason: str | None
    queued_at: datetime
    due_at: datetime | None
    attempt: int = 0
    lease_until: datetime | None = None

    def settled(self) -> Settled:
        new, document = self.new, self.new.document
        id_, version = (document.document_id, document.version) if document else (None, None)
        facts = (new.delivery_id, new.purpose, new.customer_number, new.address, new.form)
        return Settled(*facts, self.state, self.reason, id_, version, new.trace)


@dataclass
class Rows:
    users: dict[UUID, User] = field(default_factory=dict)
    settings: dict[UUID, NotificationSettings] = field(default_factory=dict)
    documents: dict[str, DocumentRow] = field(default_factory=dict)
    deliveries: dict[UUID, DeliveryRow] = field(default_factory=dict)
    taken: dict[Identity, bytes] = field(default_factory=dict)


class MemoryAddressBook:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def lock_customers(self, customers: Collection[str]) -> None:
        pass

    async def keep(self, users: Sequence[User]) -> set[UUID]:
        kept = set()
        for user in users:
            there = self._rows.users.get(user.user_id)
            first = bool(user.first) or bool(there and there.first)
            if there is None or there.user_version < user.user_version:
                self._rows.users[user.user_id] = replace(user, first=first)
                kept.add(user.user_id)
            else:
                self._rows.users[user.user_id] = replace(there, first=first)
        return kept

    async def forget(self, user_ids: Collection[UUID]) -> None:
        for user_id in user_ids:
            self._rows.settings.pop(user_id, None)
            if user_id in self._rows.users:
                user = self._rows.users[user_id]
                self._rows.users[user_id] = replace(user, email="", person=Person(), status="deleted")

    async def recipients(self, customers: Collection[str]) -> list[Recipient]:
        return [
            Recipient(
                user.user_id,
                user.customer_number,
                user.email,
                user.person,
                self._rows.settings.get(user.user_id, NotificationSettings()),
            )
            for user in sorted(self._rows.users.values(), key=lambda user: user.user_id)
            if user.customer_number in customers
            and (user.status == "active" or (user.status == "invited" and user.first))
        ]

    async def first_users(self, customers: Collection[str]) -> Mapping[str, UUID]:
        firsts = [user for user in self._rows.users.values() if user.first and user.customer_number in customers]
        return {user.customer_number: user.user_id for user in firsts}

    async def address_of(self, user_id: UUID) -> str | None:
        user = self._rows.users.get(user_id)
        return user.email or None if user else None


class MemorySettings:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def get(self, user_id: UUID) -> NotificationSettings | None:
        return self._rows.settings.get(user_id)

    async def put(self, user_id: UUID, customer_number: str, settings: NotificationSettings) -> None:  # noqa: ARG002 -- the port's
        self._rows.settings[user_id] = settings


class MemoryDocuments:
    def __init__(self, rows: Rows, clock: FrozenClock) -> None:
        self._rows = rows.documents
        self._clock = clock

    async def remember(self, documents: Sequence[Document]) -> set[str]:
        new = {document.subject_id for document in documents} - self._rows.keys()
        for document in documents:
            self._rows.setdefault(document.subject_id, DocumentRow(document)).visible = True
        return new

    async def wait(self, subject_ids: Collection[str], until: datetime) -> None:
        for subject_id in subject_ids:
            self._rows[subject_id].waits_until = until

    async def release(self, customers: Collection[str]) -> list[Document]:
        found = []
        for row in self._rows.values():
            waits = row.waits_until is not None and row.waits_until > self._clock.now()
            if row.document.customer_number in customers and row.visible and waits:
                row.waits_until = None
                found.append(row.document)
        return sorted(found, key=lambda document: (document.published_at, document.document_id, document.version))

    async def remove(self, document_id: UUID, version: int | None) -> None:
        for row in self._rows.values():
            if row.document.document_id == document_id and version in {None, row.document.version}:
                row.visible = False

    async def stop_waiting(self) -> None:
        for row in self._rows.values():
            if row.waits_until is not None and row.waits_until <= self._clock.now():
                row.waits_until = None


class MemoryDeliveries:
    def __init__(self, rows: Rows, clock: FrozenClock, wake: Callable[[], None]) -> None:
        self._rows = rows.deliveries
        self._documents = rows.documents
        self._clock = clock
        self._wake = wake

    async def queue(self, deliveries: Sequence[NewDelivery]) -> None:
        now = self._clock.now()
        for new in deliveries:
            due = now if new.state is State.QUEUED else None
            self._rows.setdefault(new.delivery_id, DeliveryRow(new, new.state, new.reason, now, due))
        self._wake()

    async def revive(self, subject_ids: Collection[str]) -> None:
        for row in self._rows.values():
            gone = row.state is State.SUPPRESSED and row.reason == "document_removed"
            if gone and row.new.subject_id in subject_ids:
                row.state, row.reason, row.due_at = State.QUEUED, None, self._clock.now()
        self._wake()

    async def cancel(self, document_id: UUID, version: int | None, reason: str) -> None:
        for row in self._rows.values():
            document = row.new.document
            if document and document.document_id == document_id and version in {None, document.version}:
                self._suppress(row, reason)

    async def cancel_for_users(
        self, user_ids: Collection[UUID], customers: Collection[str], reason: str, purpose: Purpose | None = None
    ) -> None:
        for row in self._rows.values():
            theirs = row.new.customer_number in customers and set(row.new.user_ids) <= set(user_ids)
            if theirs and purpose in {None, row.new.purpose} and row.due_at is not None:
                self._suppress(row, reason)
                self._drop_secret(row)
                row.due_at = None

    def _suppress(self, row: DeliveryRow, reason: str) -> None:
        if row.state in {State.QUEUED, State.DELAYED}:
            row.state, row.reason, row.due_at = State.SUPPRESSED, reason, None

    async def claim(self, limit: int, besides: Collection[str], since: datetime | None = None) -> list[DueMail]:
        now = self._clock.now()
        due = [(row.due_at, row) for row in self._rows.values() if row.due_at is not None and row.due_at <= now]
        due = [(at, row) for at, row in due if domain_of(row.new.address) not in besides and at >= (since or at)]
        claimed = sorted(due, key=itemgetter(0))[:limit]
        for _, row in claimed:
            row.state, row.due_at, row.lease_until = State.SENDING, None, now + LEASE
            row.attempt += 1
        return [self._due_mail(row, due_at) for due_at, row in claimed]

    def _due_mail(self, row: DeliveryRow, due_at: datetime) -> DueMail:
        new = row.new
        document = self._documents.get(new.document.subject_id) if new.document else None
        return DueMail(
            ticket=Ticket(new.delivery_id, row.attempt),
            purpose=new.purpose,
            customer_number=new.customer_number,
            address=new.address,
            form=new.form,
            person=new.person,
            queued_at=row.queued_at,
            due_at=due_at,
            reason=row.reason,
            document=document.document if document else None,
            document_is_gone=document is not None and not document.visible,
            credential=new.credential,
            trace=new.trace,
        )

    async def mark_dot_pending(self, tickets: Sequence[Ticket]) -> set[Ticket]:
        return {ticket for ticket in tickets if self._step(ticket, State.DOT_PENDING, self._clock.now() + LEASE)}

    async def renew(self, tickets: Sequence[Ticket]) -> set[Ticket]:
        kept = set()
        for ticket in tickets:
            row = self._rows.get(ticket.delivery_id)
            if row and row.attempt == ticket.attempt and row.lease_until is not None:
                row.lease_until = self._clock.now() + LEASE
                kept.add(ticket)
        return kept

    async def settle(self, results: Sequence[Result]) -> set[Ticket]:
        settled = set()
        for result in results:
            if self._step(result.ticket, result.state, None):
                row = self._rows[result.ticket.delivery_id]
                row.reason = result.reason
                row.new = replace(row.new, form=result.form or row.new.form)
                again = result.again_after
                row.due_at = None if again is None else self._clock.now() + timedelta(seconds=again)
                if result.state in {State.SENT, State.BOUNCED, State.FAILED, State.SUPPRESSED}:
                    self._drop_secret(row)
                settled.add(result.ticket)
        return settled

    def _step(self, ticket: Ticket, state: State, lease_until: datetime | None) -> bool:
        row = self._rows.get(ticket.delivery_id)
        if row is None or row.attempt != ticket.attempt or row.state not in ALLOWED_FROM[state]:
            return False
        row.state, row.lease_until = state, lease_until
        return True

    def _drop_secret(self, row: DeliveryRow) -> None:
        if row.new.credential is not None:
            row.new = replace(row.new, credential=replace(row.new.credential, secret=None))

    async def release_expired_leases(self) -> list[Settled]:
        now = self._clock.now()
        lost = []
        for row in self._rows.values():
            tries = 0 if row.state is State.QUEUED else min(max(row.attempt, 1), len(LONGEST_WAIT_SECONDS) - 1)
            if row.due_at is not None and row.due_at > now + timedelta(seconds=LONGEST_WAIT_SECONDS[tries]):
                row.due_at = now
            if row.lease_until is None or now <= row.lease_until <= now + LEASE_ABSURD:
                continue
            row.lease_until = None
            if row.state is State.SENDING:
                row.state, row.due_at = State.QUEUED, now
            else:
                row.state, row.reason = State.UNKNOWN, "dot: the sender ended before the answer"
                row.due_at = now + RESEND if row.new.purpose.resends_alone else None
                lost.append(row.settled())
        return lost

    async def expire_credentials(self) -> list[Settled]:
        failed = []
        for row in self._rows.values():
            if row.lease_until is None and _has_expired(row.new.credential, self._clock.now()):
                row.due_at = None
                self._drop_secret(row)
                if row.state in {State.QUEUED, State.DELAYED}:
                    row.state, row.reason = State.FAILED, "expired before it could be sent"
                    failed.append(row.settled())
        return failed


def _has_expired(credential: Credential | None, now: datetime) -> bool:
    return credential is not None and credential.secret is not None and credential.expires_at <= now


@dataclass
class MemoryWork:
    inbox: MemoryInbox
    outbox: MemoryOutbox
    address_book: MemoryAddressBook
    settings: MemorySettings
    documents: MemoryDocuments
    deliveries: MemoryDeliveries


class MemoryDatabase:
    """Transactions one after the other; one that raises leaves everything as it was."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.rows = Rows()
        self.outbox = MemoryOutbox(source="notifier", clock=clock)
        self.woken, self.away = 0, False
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryWork]:
        async with self._one_at_a_time:
            await asyncio.sleep(0)
            if self.away:
                raise ConnectionError
            tables, said = vars(self.rows).values(), len(self.outbox.rows)
            before = Rows(*({key: copy.copy(row) for key, row in table.items()} for table in tables))
            try:
                yield self._work()
            except BaseException:
                self.rows = before
                del self.outbox.rows[said:]
                raise

    def _work(self) -> MemoryWork:
        return MemoryWork(
            MemoryInbox(self.rows.taken),
            self.outbox,
            MemoryAddressBook(self.rows),
            MemorySettings(self.rows),
            MemoryDocuments(self.rows, self.clock),
            MemoryDeliveries(self.rows, self.clock, self._wake),
        )

    def _wake(self) -> None:
        self.woken += 1

    def states(self) -> list[State]:
        return [row.state for row in self.rows.deliveries.values()]


class ScriptedMailer:
    """Answers each mail by what `answer` says; `accepted` are those whose dot was written."""

    def __init__(self, answer: Callable[[Message], Answer | None] = lambda _: Answer(Phase.DOT, 250, "ok")) -> None:
        self.answer = answer
        self.accepted: list[Message] = []
        self.late: Awaitable[Answer | None] | None = None
        self.before_dot: Callable[[], Awaitable[None]] | None = None
        self.running = self.most_running = 0

    async def send(
        self, message: Message, *, still_mine: Callable[[], bool], may_finish: Callable[[], Awaitable[bool]]
    ) -> Outcome:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await self._send(message, still_mine, may_finish)
        finally:
            self.running -= 1

    async def _send(
        self, message: Message, still_mine: Callable[[], bool], may_finish: Callable[[], Awaitable[bool]]
    ) -> Outcome:
        await asyncio.sleep(0)
        if not still_mine():
            raise Withdrawn
        answer = self.answer(message) or Answer(Phase.DOT, 250, "ok")
        if answer.phase is not Phase.DOT:
            return Outcome(answer)
        if self.before_dot:
            await self.before_dot()
        if not await may_finish():
            raise Withdrawn
        self.accepted.append(message)
        return Outcome(answer, self.late)

    def tidy(self) -> None:
        pass

    async def close(self) -> None:
        pass
