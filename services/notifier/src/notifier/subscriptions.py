"""IN from Kafka: which event starts which use case."""

from datetime import timedelta

from chassis.clock import Clock
from chassis.messaging.subscriptions import Subscription
from kundenportal_contracts import documents, identity, topics
from notifier.domain import Purpose
from notifier.ports import Work
from notifier.use_cases.cancel_removed_documents import CancelRemovedDocuments
from notifier.use_cases.keep_address_book import KeepAddressBook
from notifier.use_cases.queue_credential_mails import QueueCredentialMails
from notifier.use_cases.queue_document_mails import QueueDocumentMails

USER_EVENTS = (
    identity.UserCreated,
    identity.UserChanged,
    identity.UserDeactivated,
    identity.UserReactivated,
    identity.UserDeleted,
)


def subscriptions(clock: Clock, *, too_old_after: timedelta, waits: timedelta) -> list[Subscription[Work]]:
    passwords = QueueCredentialMails(identity.InitialPasswordIssued, Purpose.INITIAL_PASSWORD)
    published = QueueDocumentMails(clock, too_old_after=too_old_after, waits=waits)
    return [
        Subscription(topics.USERS, {model.ce_type: KeepAddressBook(model) for model in USER_EVENTS}),
        Subscription(topics.CREDENTIALS, {identity.InitialPasswordIssued.ce_type: passwords}),
        Subscription(
            topics.DOCUMENTS,
            {
                documents.DocumentPublished.ce_type: published,
                documents.DocumentRemoved.ce_type: CancelRemovedDocuments(),
            },
        ),
    ]
