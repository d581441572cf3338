"""Close customers: nobody of theirs signs in any more, and whoever is signed in is out at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.clock import Clock
from chassis.logs import get_logger
from chassis.messaging.subscriptions import DeadLetter, Event
from chassis.outbox.record import Outgoing
from identity.ports import Work
from identity.use_cases.describe_user import describe_user
from identity.use_cases.judge_records import Refusal, judge, reject, take_once
from kundenportal_contracts.billing import CustomerClosed
from kundenportal_contracts.identity import UserDeactivated

log = get_logger()


@dataclass(frozen=True, slots=True)
class Closing:
    event: Event
    data: CustomerClosed


@dataclass(frozen=True, slots=True)
class CloseCustomers:
    sources: tuple[str, ...]
    clock: Clock

    async def prepare(self, events: Sequence[Event]) -> Sequence[Closing | Refusal]:
        now = self.clock.now()
        judged = [judge(event, CustomerClosed, sources=self.sources, now=now) for event in events]
        return [
            data if isinstance(data, Refusal) else Closing(event, data)
            for event, data in zip(events, judged, strict=True)
        ]

    async def apply(self, prepared: Sequence[Closing | Refusal], work: Work) -> Sequence[DeadLetter]:
        """Deactivate every user of these customers; a customer that nobody registered has none."""
        taken, refusals = await take_once(prepared, work)
        letters = await reject(refusals, work)
        closings = {one.data.customer_number: one for one in taken}
        known = await work.customers.lock(closings.keys())
        await work.customers.close(known.keys(), self.clock.now())
        users = await work.users.lock_of(known.keys())
        leaving = [user.with_status("deactivated") for user in users if user.status != "deactivated"]
        await work.users.save(leaving)
        await work.sessions.end_of([user.user_id for user in users])
        await work.outbox.add_all(
            Outgoing(describe_user(UserDeactivated, user), caused_by=closings[user.customer_number].event)
            for user in leaving
        )
        for number, closing in closings.items():
            with closing.event.trace():
                log.info("customer_closed", customer_number=number, known=number in known)
        return letters
