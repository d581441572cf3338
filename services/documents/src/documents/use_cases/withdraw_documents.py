"""Takes DocumentWithdrawn in batches; a withdrawal is remembered even where no such document is known yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.clock import Clock
from chassis.messaging.subscriptions import DeadLetter, Event
from documents.domain import DocumentRefused
from documents.ports import DocumentsWork
from documents.use_cases.apply_verdicts import apply_verdicts
from documents.use_cases.judge_events import Judge, Refused, Taken, refuse


@dataclass(frozen=True, slots=True)
class Withdrawal:
    customer_number: str
    document_number: str
    at: datetime


Verdict = Taken[Withdrawal] | Refused


class WithdrawDocuments:
    """The handler of billing.DocumentWithdrawn.v1."""

    def __init__(self, *, judge: Judge, clock: Clock) -> None:
        self._judge = judge
        self._clock = clock

    async def prepare(self, events: Sequence[Event]) -> Sequence[Verdict]:
        return [self._verdict(event) for event in events]

    async def apply(self, prepared: Sequence[Verdict], work: DocumentsWork) -> Sequence[DeadLetter]:
        await apply_verdicts(prepared, work, lambda document, withdrawal: document.withdraw(withdrawal.at), self._clock)
        return ()

    def _verdict(self, event: Event) -> Verdict:
        try:
            withdrawn = self._judge.withdrawn(event)
        except DocumentRefused as refusal:
            return refuse(event, refusal)
        return Taken(event, Withdrawal(withdrawn.customer_number, withdrawn.document_number, event.time))
