"""Lets events take effect in their order, each once, and says what has changed: the part in the transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeVar

from chassis.clock import Clock
from chassis.inbox.deduplicate import Identity
from chassis.logs import get_logger
from chassis.messaging.subscriptions import Event
from chassis.outbox.record import Outgoing
from documents.domain import Change, Document, DocumentRefused, Published, Reason, Version
from documents.ports import DocumentsWork, Inbox
from documents.use_cases.judge_events import Refused, Repeated, Taken, refuse
from documents.use_cases.quarantine_records import quarantine
from kundenportal_contracts.documents import DocumentPublished, DocumentRemoved

log = get_logger()


class Named(Protocol):
    """What concerns one document."""

    @property
    def customer_number(self) -> str: ...

    @property
    def document_number(self) -> str: ...


T = TypeVar("T", bound=Named)
_REUSED: Final = DocumentRefused(Reason.EVENT_ID_REUSED, "this ce_id came before with another value")


async def apply_verdicts(
    verdicts: Sequence[Taken[T] | Refused | Repeated],
    work: DocumentsWork,
    change: Callable[[Document, T], list[Change]],
    clock: Clock,
) -> None:
    """Change the documents concerned, one statement a table for all of them, and quarantine what is refused."""
    taken, refused = await _once([one for one in verdicts if not isinstance(one, Repeated)], work.inbox)
    documents = await work.documents.lock({_name(one.effect) for one in taken})
    said: list[Outgoing] = []
    for one in taken:
        document = documents[_name(one.effect)]
        said += (_say(document, changed, one.event) for changed in change(document, one.effect))
    await work.documents.save(documents.values())
    await work.inbox.take([one.event for one in taken])
    said += await quarantine(refused, work, clock)
    await work.outbox.add_all(said)


async def _once(verdicts: Sequence[Taken[T] | Refused], inbox: Inbox) -> tuple[list[Taken[T]], list[Refused]]:
    """Leave out what took effect before, and refuse an id that took effect with another value.

    A refused record leaves no trace in the inbox, so neither does it count for those after it in this batch.
    """
    effective = await inbox.known([one.event for one in verdicts if one.event is not None])
    taken: list[Taken[T]] = []
    refused: list[Refused] = []
    for one in verdicts:
        event = one.event
        if event is None:
            raise TypeError("a record without an envelope is quarantined elsewhere")
        earlier = effective.get(_identity(event))
        reused = earlier is not None
        if earlier == event.value_sha256:
            continue
        if isinstance(one, Refused):
            hidden = reused and Reason.EVENT_ID_REUSED.comes_before(one.reason)
            refused.append(replace(one, reason=_REUSED.reason, detail=_REUSED.detail) if hidden else one)
        elif reused:
            refused.append(refuse(event, _REUSED))
        else:
            effective[_identity(event)] = event.value_sha256
            taken.append(one)
    return taken, refused


def _identity(event: Event) -> Identity:
    return event.source, event.id


def _name(effect: Named) -> tuple[str, str]:
    return effect.customer_number, effect.document_number


def _say(document: Document, change: Change, cause: Event) -> Outgoing:
    said: DocumentPublished | DocumentRemoved
    if isinstance(change, Published):
        said = _published(document, change.version, current=change.current)
    else:
        said = DocumentRemoved(
            document_id=document.id,
            version=change.version,
            customer_number=document.customer_number,
            document_number=document.document_number,
            reason="withdrawn",
        )
    name = "document_published" if isinstance(change, Published) else "document_removed"
    log.info(
        name,
        document_id=str(document.id),
        version=said.version,
        customer_number=document.customer_number,
        document_number=document.document_number,
        **cause.trace_ids,
    )
    return Outgoing(said, caused_by=cause)


def _published(document: Document, version: Version, *, current: bool) -> DocumentPublished:
    facts = version.facts
    return DocumentPublished.model_validate(
        {
            "document_id": document.id,
            "version": version.number,
            "current": current,
            "customer_number": document.customer_number,
            "document_number": document.document_number,
            "document_type": facts.document_type,
            "issued_on": facts.issued_on,
            "published_at": version.stay.published_at,
            "available_until": version.stay.available_until,
            "media_type": facts.media_type,
            "size": facts.size,
            "sha256": version.sha256,
            "object_key": version.object_key,
            "gross_amount": facts.gross_amount,
            "currency": facts.currency,
            "due_on": facts.due_on,
        }
    )
