"""Queues the mails that bring credentials. The secret stays sealed in its row until the mail is built."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.messaging.subscriptions import DeadLetter, Event
from kundenportal_contracts.envelope import EventInvalid
from kundenportal_contracts.identity import Credential as CredentialEvent
from notifier.domain import Credential, Form, NewDelivery, Person, Purpose
from notifier.ports import Work
from notifier.use_cases.queue_mails import queue_mails
from notifier.use_cases.take_once import take_once, trace_of

SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Issued:
    event: Event
    delivery: NewDelivery


class QueueCredentialMails:
    """Takes one kind of credential event; a newer one replaces what the user has not been sent yet."""

    def __init__(self, model: type[CredentialEvent], purpose: Purpose) -> None:
        self._model = model
        self._purpose = purpose

    async def prepare(self, events: Sequence[Event]) -> Sequence[Issued | DeadLetter]:
        return [self._read(event) for event in events]

    async def apply(self, prepared: Sequence[Issued], work: Work) -> Sequence[DeadLetter]:
        taken, refused = await take_once(prepared, work)
        latest = {issued.delivery.user_ids: issued.delivery for issued in taken}
        if latest:
            users = {user_id for user_ids in latest for user_id in user_ids}
            customers = {delivery.customer_number for delivery in latest.values()}
            await work.deliveries.cancel_for_users(users, customers, SUPERSEDED, self._purpose)
            await queue_mails(list(latest.values()), work)
        return refused

    def _read(self, event: Event) -> Issued | DeadLetter:
        try:
            said = event.decode(self._model)
        except EventInvalid as error:
            return DeadLetter(event.record, error.reason, error.detail)
        return Issued(event, self._delivery(event, said))

    def _delivery(self, event: Event, said: CredentialEvent) -> NewDelivery:
        return NewDelivery(
            purpose=self._purpose,
            subject_id=f"{event.source}/{event.id}",
            customer_number=said.customer_number,
            address=said.email,
            form=Form.NOTICE,
            person=Person(said.language, said.salutation, said.first_name, said.last_name),
            user_ids=(said.user_id,),
            credential=Credential(said.user_id, said.username, said.secret, said.expires_at),
            trace=trace_of(event),
        )
