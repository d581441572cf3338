"""Writes down how far the open connections are: whatever they have to say at one moment goes into one transaction.

An attempt's end is kept until the database has taken it, so a mail that was accepted is not forgotten while the
database is away; a mark that may have failed is never taken for granted.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from chassis.clock import Clock
from chassis.logs import get_logger
from chassis.messaging.retry import back_off
from chassis.outbox.record import Outgoing
from notifier import metrics
from notifier.domain import DOT_MARGIN_SECONDS, LEASE, RENEW_LEASE_SECONDS
from notifier.ports import Begin, Result, Ticket, Work

GATHER_SECONDS = 0.002  # for other connections that are about to say something, too
LEASE_SECONDS = LEASE.total_seconds()
log = get_logger()


class Mark(Enum):
    """Whether `dot_pending` stands in the row; IN_DOUBT where the database did not say."""

    GRANTED = auto()
    REFUSED = auto()
    IN_DOUBT = auto()


@dataclass(slots=True)
class Lease:
    """The right to an attempt, as this process knows it: it ends by the monotonic clock, or when the row is lost."""

    ticket: Ticket
    ends: float
    lost: bool = False
    marked: bool = False
    """Whether the final dot was asked for: from then on nobody but the mail server knows."""

    def holds(self, now: float) -> bool:
        return not self.lost and now < self.ends

    def allows_dot(self, now: float) -> bool:
        return not self.lost and self.ends - now >= DOT_MARGIN_SECONDS


@dataclass(slots=True)
class _Batch:
    marks: dict[Ticket, tuple[Lease, "asyncio.Future[Mark]"]] = field(default_factory=dict)
    results: dict[Ticket, tuple[Result, Outgoing | None]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.marks or self.results)


class RecordProgress:
    def __init__(self, begin: Begin, clock: Clock) -> None:
        self._begin = begin
        self._clock = clock
        self._leases: dict[Ticket, Lease] = {}
        self._waiting = _Batch()
        self._wake = asyncio.Event()
        self._renewed_at = clock.monotonic()
        self._written = asyncio.Event()
        self._written.set()

    def hold(self, tickets: Iterable[Ticket], since: float) -> list[Lease]:
        """Keep these attempts' leases alive from now on; they were claimed no earlier than `since`."""
        leases = [Lease(ticket, since + LEASE_SECONDS) for ticket in tickets]
        self._leases |= {lease.ticket: lease for lease in leases}
        metrics.IN_HAND.set(len(self._leases))
        return leases

    async def mark_dot_pending(self, lease: Lease) -> Mark:
        lease.marked = True
        answer: asyncio.Future[Mark] = asyncio.get_running_loop().create_future()
        self._waiting.marks[lease.ticket] = (lease, answer)
        self._stir()
        return await answer

    def settle(self, result: Result, event: Outgoing | None = None) -> None:
        """Write down an attempt's end, now or as soon as the database is there again."""
        self._let_go(result.ticket)
        self._waiting.results[result.ticket] = (result, event)
        self._stir()

    def drop(self, lease: Lease) -> None:
        """Renew this lease no more: there is nothing to write down."""
        self._let_go(lease.ticket)

    async def run(self) -> None:
        pauses = back_off()
        while True:
            await self._something_to_do()
            batch, self._waiting = self._waiting, _Batch()
            try:
                await self._flush(batch)
                pauses = back_off()
            except Exception as error:  # noqa: BLE001 -- whatever it is, the results stay until they are written
                log.warning("progress_not_recorded", error=type(error).__name__, results=len(batch.results))
                self._take_back(batch)
                await asyncio.sleep(next(pauses))
            if not self._waiting:
                self._written.set()

    async def drain(self, seconds: float) -> None:
        """Wait until everything said so far is written down, at most that long."""
        try:
            async with asyncio.timeout(seconds):
                await self._written.wait()
        except TimeoutError:
            log.warning("progress_left_behind", results=len(self._waiting.results))

    def _let_go(self, ticket: Ticket) -> None:
        self._leases.pop(ticket, None)
        metrics.IN_HAND.set(len(self._leases))

    def _stir(self) -> None:
        self._written.clear()
        self._wake.set()

    async def _something_to_do(self) -> None:
        if not self._waiting:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_renewal()):
                    await self._wake.wait()
        await asyncio.sleep(GATHER_SECONDS)

    def _seconds_to_renewal(self) -> float:
        return max(0.05, self._renewed_at + RENEW_LEASE_SECONDS - self._clock.monotonic())

    async def _flush(self, batch: _Batch) -> None:
        began = self._clock.monotonic()
        renew = began - self._renewed_at >= RENEW_LEASE_SECONDS
        renewing = [lease for ticket, lease in self._leases.items() if ticket not in batch.marks] if renew else []
        if batch or renewing:
            async with self._begin() as work:
                settled, granted = await self._write(batch, work)
                kept = await work.deliveries.renew(sorted((lease.ticket for lease in renewing), key=_order))
            for ticket in settled:
                metrics.OUTCOMES.labels(batch.results[ticket][0].state.value).inc()
            for lease, answer in batch.marks.values():
                _prolong(lease, granted, began)
                if not answer.done():
                    answer.set_result(Mark.REFUSED if lease.lost else Mark.GRANTED)
            for lease in renewing:
                _prolong(lease, kept, began)
        if renew:
            self._renewed_at = began

    async def _write(self, batch: _Batch, work: Work) -> tuple[set[Ticket], set[Ticket]]:
        """Say which attempts came to their ends, and which may write their dots."""
        results = sorted(batch.results.items(), key=lambda item: _order(item[0]))
        settled = await work.deliveries.settle([result for _, (result, _) in results])
        granted = await work.deliveries.mark_dot_pending(sorted(batch.marks, key=_order))
        events = [event for ticket, (_, event) in results if ticket in settled and event is not None]
        if events:
            await work.outbox.add_all(events)
        return settled, granted

    def _take_back(self, batch: _Batch) -> None:
        """Results wait for the next try, unless a later word about the same attempt has come."""
        self._waiting.results = batch.results | self._waiting.results
        for _, answer in batch.marks.values():
            if not answer.done():
                answer.set_result(Mark.IN_DOUBT)


def _order(ticket: Ticket) -> str:
    return ticket.delivery_id.hex


def _prolong(lease: Lease, named: set[Ticket], began: float) -> None:
    if lease.ticket in named:
        lease.ends = began + LEASE_SECONDS
    else:
        lease.lost = True
