"""Sends what is due: claims deliveries in batches, shares the connections fairly, and ends without leaving a mail torn."""

import asyncio
from collections import deque
from contextlib import AbstractContextManager, nullcontext

from chassis.clock import Clock
from chassis.health import Health
from chassis.logs import get_logger
from chassis.telemetry import consumer_span
from notifier import metrics
from notifier.domain import Answer, State, domain_of
from notifier.ports import Begin, DueMail, Mailer, Result
from notifier.use_cases.attempt_delivery import AttemptDelivery
from notifier.use_cases.due_window import DueWindow
from notifier.use_cases.record_progress import Lease, RecordProgress
from notifier.use_cases.share_connections import Lanes

POLL_SECONDS = 1.0
CLAIM_AHEAD = 2  # mails in hand for each connection, so that none waits for a claim
MOST_IN_HAND = 10  # for each connection, those of slow domains counted in
DRAIN_SECONDS = 3.0
PROBE_FIRST_SECONDS, PROBE_MOST_SECONDS = 1.0, 15.0
log = get_logger()


class RelayWatch:
    """Whether the mail server can be reached; while it cannot, one mail at a time probes it."""

    def __init__(self) -> None:
        self._pause = 0.0
        self._probe_at = 0.0

    @property
    def is_away(self) -> bool:
        return self._pause > 0

    def heard(self, answer: Answer, now: float) -> None:
        metrics.SMTP_AWAY.set(answer.relay_is_away)
        if not answer.relay_is_away:
            self._pause = 0.0
            return
        self._pause = min(max(self._pause * 2, PROBE_FIRST_SECONDS), PROBE_MOST_SECONDS)
        self._probe_at = now + self._pause

    def may_try(self, wanted: int, in_hand: int, now: float) -> int:
        if not self.is_away:
            return wanted
        return 1 if not in_hand and now >= self._probe_at else 0


class SendDueMails:
    """A component. Mails in hand are those claimed: each is sent, or goes back to the queue at the end."""

    name = "send_due_mails"

    def __init__(
        self,
        *,
        begin: Begin,
        attempt: AttemptDelivery,
        progress: RecordProgress,
        mailer: Mailer,
        connections: int,
        finish_seconds: float,
        clock: Clock,
        health: Health,
    ) -> None:
        self._begin = begin
        self._attempt = attempt
        self._progress = progress
        self._mailer = mailer
        self._lanes = Lanes(connections)
        self._width = connections
        self._finish_seconds = finish_seconds
        self._clock = clock
        self._health = health
        self._relay = RelayWatch()
        self._window = DueWindow(clock)
        self._ready: deque[tuple[DueMail, Lease]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Event()
        self._maybe_due = True
        self._stopping = False

    def wake(self) -> None:
        """Mails were queued; may be called from anywhere in the loop."""
        self._maybe_due = True
        self._turn.set()

    def stop(self) -> None:
        self._stopping = True
        self._turn.set()

    async def run(self) -> None:
        recorder = asyncio.create_task(self._progress.run())
        try:
            while not self._stopping:
                self._health.heartbeat(self.name)
                self._lanes.overlook(self._clock.monotonic())
                self._start_ready()
                await self._claim()
                self._start_ready()
                await self._wait()
            await self._finish()
        finally:
            recorder.cancel()
            self._health.forget(self.name)

    async def _claim(self) -> None:
        parked = self._parked()
        startable = sum(domain_of(mail.address) not in parked for mail, _ in self._ready)
        room = MOST_IN_HAND * self._width - len(self._ready)
        wanted = min(CLAIM_AHEAD * self._width - startable, room) if startable < self._width else 0
        wanted = self._relay.may_try(wanted, len(self._running) + len(self._ready), self._clock.monotonic())
        if wanted <= 0 or not self._maybe_due:
            return
        self._maybe_due = False
        since = self._clock.monotonic()
        try:
            with self._window.claiming() as due_since:
                async with self._begin() as work:
                    mails = await work.deliveries.claim(wanted, parked, due_since)
        except Exception as error:  # noqa: BLE001 -- the database is away; the poll asks again
            log.warning("claim_failed", error=type(error).__name__)
            return
        self._window.claimed(mails, all_domains=not parked)
        self._maybe_due = len(mails) == wanted or bool(parked)
        self._ready.extend(zip(mails, self._progress.hold([mail.ticket for mail in mails], since), strict=True))

    def _parked(self) -> set[str]:
        """The domains whose mails had to wait although connections are free: more of them would only wait longer."""
        return {domain_of(mail.address) for mail, _ in self._ready} if self._lanes.free else set()

    def _start_ready(self) -> None:
        for _ in range(len(self._ready)):
            mail, lease = self._ready.popleft()
            if self._relay.is_away and self._running:
                self._put_back(mail)
            elif self._lanes.admit(mail.ticket, domain_of(mail.address), self._clock.monotonic()):
                task = asyncio.create_task(self._carry(mail, lease))
                self._running.add(task)
                task.add_done_callback(self._done)
            else:
                self._ready.append((mail, lease))

    async def _carry(self, mail: DueMail, lease: Lease) -> None:
        try:
            with _trace(mail):
                answer = await self._attempt(mail, lease)
            if answer is not None:
                self._relay.heard(answer, self._clock.monotonic())
        except Exception:
            log.exception("attempt_failed", delivery_id=str(mail.ticket.delivery_id))
            self._attempt.broke_off(mail, lease)
        finally:
            self._lanes.leave(mail.ticket, self._clock.monotonic())

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._turn.set()

    def _put_back(self, mail: DueMail) -> None:
        self._progress.settle(Result(mail.ticket, State.QUEUED, mail.reason, None, 0.0))

    async def _wait(self) -> None:
        """Until a mail is done, mails were queued, or it is time to look after those due by now."""
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._turn.wait()
        except TimeoutError:
            self._maybe_due = True
            self._mailer.tidy()
        self._turn.clear()

    async def _finish(self) -> None:
        """Put back what was not begun, let what was begun come to its end, write everything down."""
        while self._ready:
            self._put_back(self._ready.popleft()[0])
        if self._running:
            await asyncio.wait(self._running, timeout=self._finish_seconds)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._attempt.stop()
        await self._progress.drain(DRAIN_SECONDS)
        await self._mailer.close()


def _trace(mail: DueMail) -> AbstractContextManager[object]:
    """The attempt belongs to the trace of what caused the mail, hours later, too."""
    if mail.trace is None:
        return nullcontext()
    return consumer_span("send mail", (("traceparent", mail.trace.encode()),))
