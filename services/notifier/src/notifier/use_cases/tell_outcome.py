"""Says what became of a mail, as the event that goes out with the change of its row."""

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid5

from chassis.outbox.record import Outgoing
from kundenportal_contracts import notifier
from notifier.domain import State
from notifier.ports import DueMail, Result, Settled
from notifier.use_cases.take_once import headers_of

EVENTS: Mapping[State, type[notifier.Mail]] = {
    State.SENT: notifier.MailSent,
    State.DELAYED: notifier.MailDelayed,
    State.BOUNCED: notifier.MailBounced,
    State.FAILED: notifier.MailFailed,
    State.UNKNOWN: notifier.MailUnknown,
}
LOG_WORDS: Mapping[State, str] = {state: f"mail_{state}" for state in State}


def outcome_event(mail: DueMail, result: Result, at: datetime) -> Outgoing | None:
    """The event of an attempt's end; None where nothing is to be said, also for one more delay of the same reason."""
    if result.state is State.DELAYED and result.reason == mail.reason:
        return None
    settled = Settled(
        delivery_id=mail.ticket.delivery_id,
        purpose=mail.purpose,
        customer_number=mail.customer_number,
        address=mail.address,
        form=result.form or mail.form,
        state=result.state,
        reason=result.reason,
        document_id=mail.document.document_id if mail.document else None,
        version=mail.document.version if mail.document else None,
        trace=mail.trace,
    )
    return settled_event(settled, at)


def settled_event(settled: Settled, at: datetime) -> Outgoing | None:
    event = EVENTS.get(settled.state)
    if event is None:
        return None
    return Outgoing(
        event(
            delivery_id=settled.delivery_id,
            purpose=settled.purpose,
            document_id=settled.document_id,
            version=settled.version,
            customer_number=settled.customer_number,
            address=settled.address,
            form=settled.form.value,
            reason=settled.reason,
            at=at,
        ),
        event_id=uuid5(settled.delivery_id, f"{settled.state} {at.isoformat()}"),
        trace=headers_of(settled.trace),
    )
