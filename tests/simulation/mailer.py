"""The mailer's machine: the notifier's senders and its real SMTP client, rows and mail server in memory."""

import asyncio
import copy
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

from chassis.health import Health
from chassis.lifecycle import Periodic
from chassis.outbox.record import OutboxRow
from chassis.testing.memory_inbox import MemoryInbox
from chassis.testing.memory_outbox import MemoryOutbox
from chassis.testing.memory_store import MemoryStore
from chassis.testing.simulation.network import Network
from chassis.testing.simulation.world import Component, World
from notifier.adapters.smtp_connection import SmtpServer
from notifier.adapters.smtp_mailer import SmtpMailer
from notifier.domain import IN_FLIGHT, Document, NewDelivery, Purpose, State
from notifier.ports import DueMail, EncodedFile, Message
from notifier.use_cases.attempt_delivery import AttemptDelivery
from notifier.use_cases.compose_mail import ComposeMail
from notifier.use_cases.record_progress import Lease, Mark, RecordProgress
from notifier.use_cases.recover_expired_leases import RecoverExpiredLeases
from notifier.use_cases.send_due_mails import SendDueMails
from tests.notifier.fakes import (
    DeliveryRow,
    MemoryAddressBook,
    MemoryDeliveries,
    MemoryDocuments,
    MemorySettings,
    MemoryWork,
    Rows,
)
from tests.notifier.samples import credential_delivery, delivery, document
from tests.simulation.mail_server import MailServer
from tests.simulation.trouble import latency, store_troubles

TABLE, KEY = "notifier", "everything"
CONNECTIONS = 2
RECOVER_EVERY = timedelta(seconds=5)
DRAINED_SECONDS = 400.0
DONE = {State.SENT, State.BOUNCED, State.FAILED, State.SUPPRESSED}
AFTER_THE_DOT = {State.DOT_PENDING, State.UNKNOWN, State.SENT}


@dataclass
class Kept:
    """What the notifier's database holds: its rows, and everything that was ever said."""

    rows: Rows = field(default_factory=Rows)
    said: list[OutboxRow] = field(default_factory=list)

    def copied(self) -> "Kept":
        rows = Rows(
            dict(self.rows.users),
            dict(self.rows.settings),
            {key: copy.copy(row) for key, row in self.rows.documents.items()},
            {key: copy.copy(row) for key, row in self.rows.deliveries.items()},
            dict(self.rows.taken),
        )
        return Kept(rows, list(self.said))


class Words:
    """Writes mails and has their secrets; how they look is not the question here."""

    def write(
        self, mail: DueMail, *, secret: str | None = None, file: EncodedFile | None = None, too_large: bool = False
    ) -> Message:
        assert secret is None or mail.credential is not None
        assert file is None
        assert not too_large
        text = f"Message-ID: <{mail.ticket.delivery_id}>\r\n\r\nYours\r\n"
        return Message("portal@s.example", mail.address, (text.encode(),))

    def open(self, secret: str) -> str:
        return secret

    async def fetch(self, document: Document) -> EncodedFile:
        raise AssertionError(document)


class MailerMachine:
    """One history: some deliveries, one or two senders, a mail server with moods, and whatever the plan brings."""

    progress: ClassVar[type[RecordProgress]] = RecordProgress

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = MemoryStore()
        self.store.latency = latency(world)
        self.store.tables[TABLE][KEY] = Kept()
        self.server = MailServer(world, Network(world.loop, latency(world)))
        self.server.on_taken = self._taken
        self.torn: set[str] = set()
        """What was in flight when a process was killed, paused, or asked to stop."""
        world.on_end = self._torn
        self.queued = 0

    @classmethod
    async def story(cls, world: World) -> None:
        machine = cls(world)
        machine.queue(4)
        for number in range(world.rivals):
            world.keep(f"sender-{number}", machine.service)
        if not world.plan.calm:
            machine.server.badness = world.chance.choice((0.0, 0.1, 0.4))
        troubles = [
            *store_troubles(world, machine.store),
            machine.server_away,
            machine.clock_jumps,
            machine.queue_more,
            world.pause_somebody,
            world.restart_somebody,
        ]
        await world.suffer(troubles, within=15)
        if world.plan.calm:
            await world.until(machine.drained, DRAINED_SECONDS, "drained")
        world.heal()
        machine.store.away = machine.server.away = False
        machine.server.badness = 0.0
        await world.until(machine.drained, DRAINED_SECONDS, "drained after the healing")
        await world.stop()
        machine.check()

    @property
    def kept(self) -> Kept:
        kept: Kept = self.store.tables[TABLE][KEY]
        return kept

    @property
    def rows(self) -> dict[UUID, DeliveryRow]:
        return self.kept.rows.deliveries

    def service(self) -> Sequence[Component]:
        clock, words = self.world.clock, Words()
        progress = self.progress(self.begin, clock)
        mailer = SmtpMailer(SmtpServer("mail", 25, "portal.example"), clock)
        compose = ComposeMail(writer=words, attachments=words, secrets=words, most_bytes=100_000)
        sender = SendDueMails(
            begin=self.begin,
            attempt=AttemptDelivery(compose=compose, mailer=mailer, progress=progress, clock=clock),
            progress=progress,
            mailer=mailer,
            connections=CONNECTIONS,
            finish_seconds=5.0,
            clock=clock,
            health=Health(clock),
        )
        return [sender, Periodic("recover", RECOVER_EVERY, RecoverExpiredLeases(self.begin, clock))]

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryWork]:
        """A transaction on all rows at once, one after the other; of one that does not commit nothing stays."""
        async with self.store.transaction() as transaction:
            kept: Kept = (await transaction.lock(TABLE, KEY)).copied()
            clock = cast("Any", self.world.clock)
            outbox = MemoryOutbox(source="notifier", clock=clock)
            yield MemoryWork(
                MemoryInbox(kept.rows.taken),
                outbox,
                MemoryAddressBook(kept.rows),
                MemorySettings(kept.rows),
                MemoryDocuments(kept.rows, clock),
                MemoryDeliveries(kept.rows, clock, lambda: None),
            )
            kept.said += outbox.rows
            self._note_changes(kept)
            await transaction.put(TABLE, KEY, kept)

    def _note_changes(self, kept: Kept) -> None:
        """What the commit that follows is about."""
        for delivery_id, row in kept.rows.deliveries.items():
            before = self.rows.get(delivery_id)
            if before is None or (before.state, before.attempt) != (row.state, row.attempt):
                was = before.state if before else "new"
                self.world.note(f"commits {delivery_id}: {was} -> {row.state}, attempt {row.attempt}")

    def queue(self, count: int) -> None:
        """Every fourth mail brings a password, the others announce documents; two domains take turns."""
        for _ in range(count):
            self.queued += 1
            address = f"max@hof-{self.queued % 2}.example"
            if self.queued % 4:
                about = document(document_id=UUID(int=self.queued))
                asyncio.get_running_loop().create_task(self._queue(delivery(about, address), about))
            else:
                expires = self.world.clock.now() + timedelta(days=14)
                new = credential_delivery(expires, UUID(int=self.queued), address=address)
                new = replace(new, subject_id=f"identity/{self.queued}")
                asyncio.get_running_loop().create_task(self._queue(new, None))

    async def _queue(self, new: NewDelivery, about: Document | None) -> None:
        while new.delivery_id not in self.rows:
            try:
                async with self.begin() as work:
                    await work.documents.remember([about] if about else [])
                    await work.deliveries.queue([new])
            except ConnectionError:
                await asyncio.sleep(1)

    async def queue_more(self) -> None:
        self.queue(self.world.chance.randint(1, 3))

    async def clock_jumps(self) -> None:
        """By an hour, ahead or back: everybody's wall clock, the database's included; no monotonic one."""
        self.world.clock.jump(timedelta(hours=self.world.chance.choice((-1, 1))))

    async def server_away(self) -> None:
        self.server.away = True
        await asyncio.sleep(self.world.chance.choice((0.5, 5.0, 40.0)))
        self.server.away = False

    def _torn(self) -> None:
        self.torn |= {str(delivery_id) for delivery_id, row in self.rows.items() if row.state in IN_FLIGHT}

    def drained(self) -> bool:
        rows = self.rows.values()
        done = all(row.state in DONE or (row.state is State.UNKNOWN and row.due_at is None) for row in rows)
        return done and len(rows) == self.queued

    def _taken(self, message_id: str) -> None:
        """Whenever a dot arrives, the row has to say that it was coming."""
        row = self.rows[UUID(message_id)]
        if row.state not in AFTER_THE_DOT:
            self.world.find(f"{message_id} was taken while its row says {row.state}")
        if self.server.taken.count(message_id) > 1 and not row.new.purpose.resends_alone:
            self.world.find(f"{message_id} was taken twice")

    def check(self) -> None:
        """Each mail is where its row says, none went out twice outside `unknown`, and each end was told once."""
        for delivery_id, row in self.rows.items():
            taken = self.server.taken.count(str(delivery_id))
            told = [
                said.ce_type.split(".")[1]
                for said in self.kept.said
                if str(delivery_id).encode() in (said.value or b"")
            ]
            where = f"{delivery_id} ({row.new.purpose}, {row.state}, {row.reason})"
            if row.state is State.SENT and not taken:
                self.world.find(f"lost: {where}")
            if row.state in {State.BOUNCED, State.FAILED} and taken > told.count("MailUnknown"):
                self.world.find(f"taken all the same: {where}")
            if taken > 1 + told.count("MailUnknown"):
                self.world.find(f"taken {taken} times, told {told}: {where}")
            if (row.state is State.SENT) != (told.count("MailSent") == 1):
                self.world.find(f"told {told}: {where}")
        unknown = {str(delivery_id) for delivery_id, row in self.rows.items() if row.state is State.UNKNOWN}
        if causeless := unknown - self.server.silent - self.torn:
            self.world.find(f"unknown without a cause: {sorted(causeless)}")
        if any(
            row.new.purpose is Purpose.INITIAL_PASSWORD and row.state is State.UNKNOWN for row in self.rows.values()
        ):
            self.world.find("a password mail was left unknown")


class DoesNotMark(RecordProgress):
    """A broken build: nothing is written down before the final dot."""

    async def mark_dot_pending(self, lease: Lease) -> Mark:
        lease.marked = True
        return Mark.GRANTED


class DoesNotMarkTheDot(MailerMachine):
    progress = DoesNotMark


class NeverDoubtsItsLease(RecordProgress):
    """A broken build: a sender takes a lease, and a mark that the database refused, for granted."""

    async def mark_dot_pending(self, lease: Lease) -> Mark:
        await super().mark_dot_pending(lease)
        lease.ends, lease.lost = float("inf"), False
        return Mark.GRANTED


class GoesOnAfterItsLease(MailerMachine):
    progress = NeverDoubtsItsLease


class DropsResults(RecordProgress):
    """A broken build: what the mail server said is forgotten where the database is away."""

    def _take_back(self, batch: Any) -> None:
        batch.results.clear()
        super()._take_back(batch)


class ForgetsAnswers(MailerMachine):
    progress = DropsResults
