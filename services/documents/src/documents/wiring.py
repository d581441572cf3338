"""Which part does what: the handlers and the HTTP application over the adapters they are given."""

from fastapi import FastAPI

from chassis.clock import Clock
from chassis.health import Health
from chassis.messaging.subscriptions import Subscription
from chassis.principal import PrincipalVerifier
from chassis.problems import create_app
from documents.api import add_document_problems, routes
from documents.ports import (
    ContentLinks,
    ContentStore,
    DocumentShelf,
    DocumentsWork,
    EffectsBefore,
    Inspector,
    IntakeStore,
)
from documents.settings import DocumentsSettings
from documents.subscriptions import subscriptions
from documents.use_cases.file_issued_documents import FileIssuedDocuments
from documents.use_cases.judge_events import Judge
from documents.use_cases.keep_content import ContentKeeper
from documents.use_cases.open_document import OpenDocument
from documents.use_cases.quarantine_records import QuarantineRecords
from documents.use_cases.withdraw_documents import WithdrawDocuments


def intake_subscriptions(
    settings: DocumentsSettings,
    *,
    before: EffectsBefore,
    intake: IntakeStore,
    inspector: Inspector,
    store: ContentStore,
    clock: Clock,
) -> list[Subscription[DocumentsWork]]:
    judge = Judge(settings.is_billing, settings.max_document_bytes, clock)
    keeper = ContentKeeper(
        intake=intake, inspector=inspector, store=store, max_document_bytes=settings.max_document_bytes
    )
    return subscriptions(
        FileIssuedDocuments(
            before=before, judge=judge, keeper=keeper, clock=clock, retention_months=settings.retention_months
        ),
        WithdrawDocuments(judge=judge, clock=clock),
        QuarantineRecords(clock),
    )


def application(shelf: DocumentShelf, links: ContentLinks, verifier: PrincipalVerifier, health: Health) -> FastAPI:
    app = create_app("documents", health)
    app.include_router(routes(shelf, OpenDocument(shelf=shelf, links=links), verifier))
    add_document_problems(app)
    return app
