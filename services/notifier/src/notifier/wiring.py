"""Puts the notifier together: every adapter is chosen here and nowhere else."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from email.utils import parseaddr
from urllib.parse import urlsplit

from fastapi import FastAPI
from obstore.store import S3Store
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.cli import Examinations
from chassis.clock import Clock, SystemClock
from chassis.database import Database
from chassis.health import Health
from chassis.inbox.deduplicate import Inbox
from chassis.lifecycle import Periodic
from chassis.outbox.record import Outbox
from chassis.outbox.watch import table_jobs
from chassis.principal import Principal, PrincipalVerifier, authenticated
from chassis.problems import create_app
from kundenportal_contracts.topics import CREDENTIALS, DOCUMENTS
from notifier.adapters.jinja_mail_writer import Brand, JinjaMailWriter, Sender
from notifier.adapters.jwe_secrets import JweSecrets
from notifier.adapters.postgres_address_book import PostgresAddressBook
from notifier.adapters.postgres_backlog import PostgresBacklog
from notifier.adapters.postgres_deliveries import PostgresDeliveries
from notifier.adapters.postgres_delivery_log import PostgresDeliveryLog
from notifier.adapters.postgres_notification_settings import PostgresNotificationSettings
from notifier.adapters.postgres_published_documents import PostgresPublishedDocuments
from notifier.adapters.s3_attachments import S3Attachments
from notifier.adapters.smtp_connection import SmtpServer
from notifier.adapters.smtp_mailer import SmtpMailer
from notifier.api import router
from notifier.ports import Begin, Mailer
from notifier.settings import NotifierSettings
from notifier.use_cases.attempt_delivery import AttemptDelivery
from notifier.use_cases.compose_mail import ComposeMail
from notifier.use_cases.measure_backlog import MeasureBacklog
from notifier.use_cases.record_progress import RecordProgress
from notifier.use_cases.recover_expired_leases import RecoverExpiredLeases
from notifier.use_cases.send_due_mails import SendDueMails

RECOVER_EVERY, MEASURE_EVERY = timedelta(seconds=5), timedelta(seconds=10)
FINISH_SHARE = 0.5  # of the time for stopping, for mails that are on their way


class NotifierWork:
    """Everything that one transaction writes to."""

    def __init__(self, conn: AsyncConnection, clock: Clock) -> None:
        self.inbox = Inbox(conn)
        self.outbox = Outbox(conn, source="notifier", clock=clock)
        self.address_book = PostgresAddressBook(conn)
        self.settings = PostgresNotificationSettings(conn)
        self.documents = PostgresPublishedDocuments(conn)
        self.deliveries = PostgresDeliveries(conn)
        self.log = PostgresDeliveryLog(conn)


def service_work(database: Database, clock: Clock) -> Begin:
    @asynccontextmanager
    async def begin() -> AsyncIterator[NotifierWork]:
        async with database.service_transaction() as conn:
            yield NotifierWork(conn, clock)

    return begin


def tenant_work(database: Database, clock: Clock) -> Callable[[Principal], AbstractAsyncContextManager[NotifierWork]]:
    @asynccontextmanager
    async def begin(principal: Principal) -> AsyncIterator[NotifierWork]:
        async with database.tenant_transaction(principal) as conn:
            yield NotifierWork(conn, clock)

    return begin


def application(database: Database, verifier: PrincipalVerifier, clock: Clock, health: Health) -> FastAPI:
    app = create_app("notifier", health)
    app.include_router(router(tenant_work(database, clock), authenticated(verifier)))
    return app


def mail_writer(settings: NotifierSettings) -> JinjaMailWriter:
    name, address = parseaddr(settings.smtp_from)
    brand = Brand(
        name=settings.brand_name,
        company=settings.brand_company,
        color=settings.brand_color,
        phone=settings.brand_phone,
        phone_note=settings.brand_phone_note,
        hours=settings.brand_hours,
        address=settings.brand_address,
    )
    return JinjaMailWriter(sender=Sender(name, address), public_url=settings.public_url, brand=brand)


def smtp_mailer(settings: NotifierSettings, clock: Clock) -> SmtpMailer:
    hello = urlsplit(settings.public_url).hostname or "localhost"
    literal = f"[{hello}]" if hello.replace(".", "").isdigit() else hello
    return SmtpMailer(SmtpServer(settings.smtp_host, settings.smtp_port, literal, settings.smtp_tls), clock)


def examinations(settings: NotifierSettings) -> Examinations:
    """What `doctor` asks beside the usual."""

    async def mail_server() -> str:
        await smtp_mailer(settings, SystemClock()).examine()
        return f"{settings.smtp_host}:{settings.smtp_port} greets"

    async def store() -> str:
        return await attachments(settings).examine()

    return {"mail server": mail_server, "documents bucket": store}


def attachments(settings: NotifierSettings) -> S3Attachments:
    return S3Attachments(
        S3Store(
            settings.s3_documents_bucket,
            endpoint=settings.s3_endpoint,
            access_key_id=settings.s3_access_key,
            secret_access_key=settings.s3_secret_key,
            region=settings.s3_region,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, "connect_timeout": "3s", "timeout": "30s"},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )
    )


def sender(settings: NotifierSettings, *, begin: Begin, mailer: Mailer, clock: Clock, health: Health) -> SendDueMails:
    progress = RecordProgress(begin, clock)
    compose = ComposeMail(
        writer=mail_writer(settings),
        attachments=attachments(settings),
        secrets=JweSecrets(settings.notifier_private_keys),
        most_bytes=settings.max_mail_bytes,
    )
    return SendDueMails(
        begin=begin,
        attempt=AttemptDelivery(compose=compose, mailer=mailer, progress=progress, clock=clock),
        progress=progress,
        mailer=mailer,
        connections=settings.smtp_connections,
        finish_seconds=settings.shutdown_seconds * FINISH_SHARE,
        clock=clock,
        health=health,
    )


def jobs(database: Database, begin: Begin, clock: Clock) -> list[Periodic]:
    return [
        Periodic("recover_expired_leases", RECOVER_EVERY, RecoverExpiredLeases(begin, clock)),
        Periodic("measure_backlog", MEASURE_EVERY, MeasureBacklog(PostgresBacklog(database).count)),
        *table_jobs(database, [DOCUMENTS, CREDENTIALS], clock),
    ]
