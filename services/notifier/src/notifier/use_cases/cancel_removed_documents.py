"""Cancels the mails of documents that are no longer to be seen, as far as they have not gone out."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.messaging.subscriptions import DeadLetter, Event
from kundenportal_contracts.documents import DocumentRemoved
from kundenportal_contracts.envelope import EventInvalid
from notifier.ports import Work
from notifier.use_cases.take_once import take_once

REMOVED = "document_removed"


@dataclass(frozen=True, slots=True)
class Removed:
    event: Event
    said: DocumentRemoved


class CancelRemovedDocuments:
    async def prepare(self, events: Sequence[Event]) -> Sequence[Removed | DeadLetter]:
        return [_read(event) for event in events]

    async def apply(self, prepared: Sequence[Removed], work: Work) -> Sequence[DeadLetter]:
        taken, refused = await take_once(prepared, work)
        if taken:
            await work.address_book.lock_customers({removed.said.customer_number for removed in taken})
        for removed in taken:
            await work.documents.remove(removed.said.document_id, removed.said.version)
            await work.deliveries.cancel(removed.said.document_id, removed.said.version, REMOVED)
        return refused


def _read(event: Event) -> Removed | DeadLetter:
    try:
        return Removed(event, event.decode(DocumentRemoved))
    except EventInvalid as error:
        return DeadLetter(event.record, error.reason, error.detail)
