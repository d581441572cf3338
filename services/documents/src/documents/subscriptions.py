"""What documents hears: which event of billing starts which use case."""

from chassis.messaging.subscriptions import Subscription
from documents.ports import DocumentsWork
from documents.use_cases.file_issued_documents import FileIssuedDocuments
from documents.use_cases.quarantine_records import QuarantineRecords
from documents.use_cases.withdraw_documents import WithdrawDocuments
from kundenportal_contracts.billing import DocumentIssued, DocumentWithdrawn
from kundenportal_contracts.topics import BILLING_DOCUMENTS


def subscriptions(
    file_issued: FileIssuedDocuments, withdraw: WithdrawDocuments, quarantine: QuarantineRecords
) -> list[Subscription[DocumentsWork]]:
    return [
        Subscription(
            BILLING_DOCUMENTS,
            {DocumentIssued.ce_type: file_issued, DocumentWithdrawn.ce_type: withdraw},
            malformed=quarantine,
        )
    ]
