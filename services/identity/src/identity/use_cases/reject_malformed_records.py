"""Answer records that are no events at all: a dead letter and a CustomerRejected each."""

from collections.abc import Sequence

from chassis.messaging.subscriptions import DeadLetter, Malformed
from identity.ports import Work
from identity.use_cases.judge_records import Refusal, judge_malformed, reject


class RejectMalformedRecords:
    async def prepare(self, records: Sequence[Malformed]) -> Sequence[Refusal]:
        return [judge_malformed(record) for record in records]

    async def apply(self, prepared: Sequence[Refusal], work: Work) -> Sequence[DeadLetter]:
        return await reject(prepared, work)
