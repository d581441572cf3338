"""START HERE: what documents is made of."""

import httpx2

from chassis.cli import service_cli
from chassis.clock import Clock, SystemClock
from chassis.database import Database
from chassis.health import Health, management_app
from chassis.lifecycle import Component, HttpServer, run_service
from chassis.logs import configure_logs
from chassis.messaging.consumer import Consumer
from chassis.messaging.dead_letters import DeadLetters
from chassis.messaging.topics_at_start import TopicsAtStart
from chassis.outbox.relay import Relay
from chassis.outbox.watch import table_jobs
from chassis.principal import PrincipalVerifier, RemoteJwks
from chassis.settings import load_settings
from chassis.telemetry import configure_telemetry
from documents.adapters.pikepdf_inspector import PikepdfInspector
from documents.adapters.postgres_shelf import PostgresShelf
from documents.adapters.postgres_work import PostgresEffectsBefore, postgres_work
from documents.adapters.s3_content_links import S3ContentLinks
from documents.adapters.s3_content_store import S3ContentStore, S3IntakeStore, open_bucket
from documents.adapters.signed_cursors import SignedCursors
from documents.settings import DocumentsSettings
from documents.wiring import application, intake_subscriptions
from kundenportal_contracts.topics import BILLING_DOCUMENTS, of_service


async def serve() -> int:
    settings = load_settings(DocumentsSettings)
    configure_logs("documents", settings.log_level)
    configure_telemetry("documents", settings.otlp_endpoint)
    clock, health, identity = SystemClock(), Health(), httpx2.AsyncClient()
    database = Database(settings.database_url, pool_size=settings.database_pool_size, application_name="documents")
    inspector = PikepdfInspector(workers=settings.inspection_workers)
    keys = RemoteJwks(settings.identity_url, identity, clock)
    health.add_check("database", database.ping)
    parts = components(settings, database, inspector, keys, clock, health)
    closing = [database.close, identity.aclose, inspector.close]
    return await run_service(parts, settings.shutdown_seconds, health=health, closing=closing)


def components(
    settings: DocumentsSettings,
    database: Database,
    inspector: PikepdfInspector,
    keys: RemoteJwks,
    clock: Clock,
    health: Health,
) -> list[Component]:
    store = S3ContentStore(open_bucket(settings, settings.s3_documents_bucket))
    before = PostgresEffectsBefore(database)
    intake = S3IntakeStore(open_bucket(settings, settings.s3_intake_bucket))
    shelf = PostgresShelf(database, cursors=SignedCursors(settings.s3_secret_key), clock=clock)
    app = application(shelf, S3ContentLinks(settings), PrincipalVerifier(keys, clock), health)
    consumer = Consumer(
        settings,
        group="documents",
        subscriptions=intake_subscriptions(
            settings, before=before, intake=intake, inspector=inspector, store=store, clock=clock
        ),
        database=database,
        work=lambda conn: postgres_work(conn, clock),
        dead_letters=DeadLetters(settings, "documents"),
        health=health,
        clock=clock,
    )
    return [
        HttpServer("http", app, settings.http_host, settings.http_port),
        HttpServer("management", management_app(health), settings.management_host, settings.management_port),
        TopicsAtStart(settings, of_service("documents"), health=health),
        consumer,
        Relay(settings.database_url, settings, health=health, clock=clock),
        *table_jobs(database, [BILLING_DOCUMENTS], clock),
    ]


cli = service_cli("documents", serve, "documents.migrations", DocumentsSettings, topics=of_service("documents"))
