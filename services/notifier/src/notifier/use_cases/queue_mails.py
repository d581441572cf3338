"""Queues mails and says so, each in the trace of what caused it."""

from collections.abc import Sequence

from chassis.logs import get_logger
from chassis.telemetry import following
from notifier.domain import NewDelivery
from notifier.ports import Work
from notifier.use_cases.take_once import headers_of
from notifier.use_cases.tell_outcome import LOG_WORDS

log = get_logger()


async def queue_mails(mails: Sequence[NewDelivery], work: Work) -> None:
    """Queue each once, in the caller's transaction; one that is there already stays as it is."""
    await work.deliveries.queue(mails)
    for mail in mails:
        document = mail.document
        with following(headers_of(mail.trace)):
            log.info(
                LOG_WORDS[mail.state],
                delivery_id=str(mail.delivery_id),
                purpose=mail.purpose,
                reason=mail.reason,
                document_id=str(document.document_id) if document else None,
            )
