"""Takes DocumentIssued in batches: content verified and put first, then filed in one transaction.

What took effect before is asked first, so a replay of the topic costs a look at the inbox, and no second object.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chassis.clock import Clock
from chassis.inbox.deduplicate import Identity
from chassis.messaging.subscriptions import DeadLetter, Event
from documents.domain import Arrival, DocumentRefused, Facts, stay_from
from documents.ports import DocumentsWork, EffectsBefore
from documents.use_cases.apply_verdicts import apply_verdicts
from documents.use_cases.judge_events import Judge, Refused, Repeated, Taken, refuse
from documents.use_cases.keep_content import ContentKeeper, SharedPuts
from kundenportal_contracts.billing import DocumentIssued

# The consumer keeps what prepare returned for 50 minutes; both together stay below the hour after which none commits.
MAX_AGE_SECONDS = 5 * 60

Verdict = Taken[Arrival] | Refused | Repeated


@dataclass(frozen=True, slots=True)
class _Kept:
    verdict: Verdict
    since: float


class FileIssuedDocuments:
    """The handler of billing.DocumentIssued.v1."""

    def __init__(
        self,
        *,
        before: EffectsBefore,
        judge: Judge,
        keeper: ContentKeeper,
        clock: Clock,
        retention_months: int,
        at_once: int = 32,
    ) -> None:
        self._before = before
        self._judge = judge
        self._keeper = keeper
        self._clock = clock
        self._months = retention_months
        self._slots = asyncio.Semaphore(at_once)
        self._kept: dict[tuple[str, int, int, bytes], _Kept] = {}

    async def prepare(self, events: Sequence[Event]) -> Sequence[Verdict]:
        """Verify and put all of them. Where something passing fails, the verdicts reached wait for the next try."""
        known, shared = await self._before.known(events), SharedPuts()
        self._forget(max_age=MAX_AGE_SECONDS)
        outcomes = await asyncio.gather(
            *(self._verdict(event, known, shared) for event in events), return_exceptions=True
        )
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failures:
            raise failures[0]
        for event in events:
            self._kept.pop(_place(event), None)
        return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]

    async def apply(self, prepared: Sequence[Verdict], work: DocumentsWork) -> Sequence[DeadLetter]:
        stay = stay_from(self._clock.now(), self._months)
        await apply_verdicts(prepared, work, lambda document, arrival: document.file(arrival, stay), self._clock)
        return ()

    async def _verdict(self, event: Event, known: Mapping[Identity, bytes], shared: SharedPuts) -> Verdict:
        if known.get((event.source, event.id)) == event.value_sha256:
            return Repeated(event)
        place = _place(event)
        if place in self._kept:
            return self._kept[place].verdict
        async with self._slots:
            since = self._clock.monotonic()
            try:
                issued = self._judge.issued(event)
                object_key = await self._keeper.keep(issued, shared)
            except DocumentRefused as refusal:
                verdict: Verdict = refuse(event, refusal)
            else:
                verdict = Taken(event, _arrival(event, issued, object_key))
        self._kept[place] = _Kept(verdict, since)
        return verdict

    def _forget(self, max_age: float) -> None:
        oldest = self._clock.monotonic() - max_age
        for place in [place for place, kept in self._kept.items() if kept.since < oldest]:
            del self._kept[place]


def _place(event: Event) -> tuple[str, int, int, bytes]:
    return event.record.topic, event.record.partition, event.record.offset, event.value_sha256


def _arrival(event: Event, issued: DocumentIssued, object_key: str) -> Arrival:
    return Arrival(
        customer_number=issued.customer_number,
        document_number=issued.document_number,
        sha256=issued.sha256,
        said=(event.time, event.id),
        facts=Facts(
            document_type=issued.document_type,
            issued_on=issued.issued_on,
            media_type=issued.media_type,
            size=issued.size,
            gross_amount=issued.gross_amount,
            currency=issued.currency,
            due_on=issued.due_on,
        ),
        object_key=object_key,
    )
