"""START HERE: what the notifier is made of."""

from datetime import timedelta

import httpx2

from chassis.cli import service_cli
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.health import Health, management_app
from chassis.lifecycle import Component, HttpServer, run_service
from chassis.logs import configure_logs
from chassis.messaging.consumer import Consumer
from chassis.messaging.dead_letters import DeadLetters
from chassis.messaging.topics_at_start import TopicsAtStart
from chassis.outbox.relay import Relay
from chassis.principal import PrincipalVerifier, RemoteJwks
from chassis.settings import load_settings
from chassis.telemetry import configure_telemetry
from kundenportal_contracts.topics import of_service
from notifier.adapters.postgres_wakeups import PostgresWakeups
from notifier.settings import NotifierSettings
from notifier.subscriptions import subscriptions
from notifier.wiring import NotifierWork, application, examinations, jobs, sender, service_work, smtp_mailer

MIGRATIONS = "notifier.migrations"


async def serve() -> int:
    settings = load_settings(NotifierSettings)
    configure_logs("notifier", settings.log_level)
    configure_telemetry("notifier", settings.otlp_endpoint)
    database = Database(settings.database_url, pool_size=settings.database_pool_size, application_name="notifier")
    client, health = httpx2.AsyncClient(), Health()
    health.add_check("database", database.ping)
    parts = components(settings, database, client, health)
    return await run_service(parts, settings.shutdown_seconds, health=health, closing=[database.close, client.aclose])


def components(
    settings: NotifierSettings, database: Database, client: httpx2.AsyncClient, health: Health
) -> list[Component]:
    clock = SystemClock()
    begin = service_work(database, clock)
    send_due_mails = sender(settings, begin=begin, mailer=smtp_mailer(settings, clock), clock=clock, health=health)
    verifier = PrincipalVerifier(RemoteJwks(settings.identity_url, client, clock), clock)
    consumer = Consumer(
        settings,
        group="notifier",
        subscriptions=subscriptions(
            clock,
            too_old_after=timedelta(days=settings.suppress_after_days),
            waits=timedelta(days=settings.waiting_days),
        ),
        database=database,
        work=lambda conn: NotifierWork(conn, clock),
        dead_letters=DeadLetters(settings, "notifier"),
        health=health,
        clock=clock,
    )
    app = application(database, verifier, clock, health)
    return [
        HttpServer("http", app, settings.http_host, settings.http_port),
        HttpServer("management", management_app(health), settings.management_host, settings.management_port),
        TopicsAtStart(settings, of_service("notifier"), health=health),
        consumer,
        Relay(settings.database_url, settings, health=health, clock=clock),
        PostgresWakeups(settings.database_url, send_due_mails.wake),
        send_due_mails,
        *jobs(database, begin, clock),
    ]


TOPICS = of_service("notifier")
cli = service_cli("notifier", serve, MIGRATIONS, NotifierSettings, topics=TOPICS, examinations=examinations)
