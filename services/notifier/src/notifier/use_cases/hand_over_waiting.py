"""Hands the documents that waited for a customer's first user to that user, once both are there."""

from collections.abc import Collection

from kundenportal_contracts.documents import DOCUMENT_TYPES
from notifier.domain import plan_document_mails
from notifier.ports import Work
from notifier.use_cases.queue_mails import queue_mails


async def hand_over_waiting(customers: Collection[str], work: Work) -> None:
    """They go to the first user alone: whoever is added later gets no mail for older ones.

    Runs in the caller's transaction, which holds these customers' locks.
    """
    documents = await work.documents.release(customers)
    if not documents:
        return
    firsts = await work.address_book.first_users(customers)
    recipients = [who for who in await work.address_book.recipients(customers) if who.user_id in firsts.values()]
    mails = [
        mail
        for document in documents
        for mail in plan_document_mails(
            document, [who for who in recipients if who.customer_number == document.customer_number], DOCUMENT_TYPES
        )
    ]
    await queue_mails(mails, work)
