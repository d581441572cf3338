"""Queues the mails of each published document version: once per address, or later, when the first user comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from chassis.clock import Clock
from chassis.messaging.subscriptions import DeadLetter, Event
from kundenportal_contracts.documents import DOCUMENT_TYPES, DocumentPublished
from kundenportal_contracts.envelope import EventInvalid
from notifier.domain import Document, NewDelivery, Recipient, State, plan_document_mails
from notifier.ports import Work
from notifier.use_cases.hand_over_waiting import hand_over_waiting
from notifier.use_cases.queue_mails import queue_mails
from notifier.use_cases.take_once import take_once, trace_of

TOO_OLD = "too_old"


@dataclass(frozen=True, slots=True)
class Published:
    event: Event
    document: Document
    current: bool
    too_old: bool
    """Judged once, when the event is read: a replayed bus mails nobody, what waits or is delayed is not touched."""


class QueueDocumentMails:
    def __init__(self, clock: Clock, *, too_old_after: timedelta, waits: timedelta) -> None:
        self._clock = clock
        self._too_old_after = too_old_after
        self._waits = waits

    async def prepare(self, events: Sequence[Event]) -> Sequence[Published | DeadLetter]:
        return [self._read(event) for event in events]

    async def apply(self, prepared: Sequence[Published], work: Work) -> Sequence[DeadLetter]:
        taken, refused = await take_once(prepared, work)
        current = [published for published in taken if published.current]
        if current:
            await self._queue(current, work)
        return refused

    def _read(self, event: Event) -> Published | DeadLetter:
        try:
            said = event.decode(DocumentPublished)
        except EventInvalid as error:
            return DeadLetter(event.record, error.reason, error.detail)
        too_old = self._clock.now() - event.time > self._too_old_after
        return Published(event, _document(said, trace_of(event)), said.current, too_old)

    async def _queue(self, current: Sequence[Published], work: Work) -> None:
        customers = {published.document.customer_number for published in current}
        await work.address_book.lock_customers(customers)
        new = await work.documents.remember([published.document for published in current])
        await self._take_up_again(
            [p.document for p in current if not p.too_old and p.document.subject_id not in new], work
        )
        if not new:
            return
        recipients = await work.address_book.recipients(customers)
        fresh = {p.document.subject_id: p for p in reversed(current) if p.document.subject_id in new}
        await queue_mails([mail for p in fresh.values() for mail in _plan(p, recipients)], work)
        await self._let_wait(fresh, await work.address_book.first_users(customers), work)

    async def _take_up_again(self, visible_again: Sequence[Document], work: Work) -> None:
        """What was cancelled is due once more; what still waits goes to a first user who came while it was not to be seen."""
        if not visible_again:
            return
        await work.deliveries.revive({document.subject_id for document in visible_again})
        firsts = await work.address_book.first_users({document.customer_number for document in visible_again})
        if firsts:
            await hand_over_waiting(firsts.keys(), work)

    async def _let_wait(self, fresh: Mapping[str, Published], firsts: Mapping[str, UUID], work: Work) -> None:
        waiting = {
            subject_id
            for subject_id, published in fresh.items()
            if not published.too_old and published.document.customer_number not in firsts
        }
        await work.documents.wait(waiting, self._clock.now() + self._waits)


def _plan(published: Published, recipients: Sequence[Recipient]) -> list[NewDelivery]:
    document = published.document
    own = [recipient for recipient in recipients if recipient.customer_number == document.customer_number]
    mails = plan_document_mails(document, own, DOCUMENT_TYPES)
    if published.too_old:
        return [replace(mail, state=State.SUPPRESSED, reason=TOO_OLD) for mail in mails]
    return mails


def _document(said: DocumentPublished, traceparent: str | None) -> Document:
    return Document(
        document_id=said.document_id,
        version=said.version,
        customer_number=said.customer_number,
        document_number=said.document_number,
        document_type=said.document_type,
        issued_on=said.issued_on,
        published_at=said.published_at,
        available_until=said.available_until,
        media_type=said.media_type,
        size=said.size,
        sha256=said.sha256,
        object_key=said.object_key,
        gross_amount=said.gross_amount,
        currency=said.currency,
        due_on=said.due_on,
        traceparent=traceparent,
    )
