"""The notifier with its own parts and wiring, the ports wrapped by named moments: `python -m tests.faults.mains.notifier`.

FAULT_POINT, FAULT_SLOW, FAULT_GROUP: see points.py and mailing.py. FAULT_BROKEN: see broken.py and mailing.py.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx2

from chassis.cli import run_process
from chassis.clock import Clock, SystemClock
from chassis.database import Database
from chassis.health import Health, management_app
from chassis.lifecycle import Component, HttpServer, run_service
from chassis.logs import configure_logs
from chassis.messaging.consumer import Consumer
from chassis.messaging.dead_letters import DeadLetters
from chassis.messaging.producer import producer
from chassis.messaging.topics_at_start import TopicsAtStart
from chassis.outbox.relay import Relay
from chassis.principal import PrincipalVerifier, RemoteJwks
from chassis.settings import load_settings
from chassis.telemetry import configure_telemetry
from kundenportal_contracts.topics import of_service
from notifier.adapters.postgres_wakeups import PostgresWakeups
from notifier.ports import Begin
from notifier.settings import NotifierSettings
from notifier.subscriptions import subscriptions
from notifier.wiring import NotifierWork, application, jobs, sender, smtp_mailer
from tests.faults import mailing
from tests.faults.loop_watch import LoopWatch
from tests.faults.points import PointedSends, PointedTransactions, Points, pointed_connect, pointed_holder


async def serve() -> int:
    settings = load_settings(NotifierSettings)
    configure_logs("notifier", settings.log_level)
    configure_telemetry("notifier", settings.otlp_endpoint)
    database = Database(settings.database_url, pool_size=settings.database_pool_size, application_name="notifier")
    client, health = httpx2.AsyncClient(), Health()
    health.add_check("database", database.ping)
    parts = [*components(settings, database, client, health), LoopWatch()]
    return await run_service(parts, settings.shutdown_seconds, health=health, closing=[database.close, client.aclose])


def components(
    settings: NotifierSettings, database: Database, client: httpx2.AsyncClient, health: Health
) -> list[Component]:
    clock, points, build = SystemClock(), Points(), mailing.build()
    begin = service_work(database, clock, build)
    mailer = mailing.PointedMailer(smtp_mailer(settings, clock), points)
    send_due_mails = sender(settings, begin=begin, mailer=mailer, clock=clock, health=health)
    consumer = Consumer(
        settings,
        group=points.group("notifier"),
        subscriptions=subscriptions(
            clock,
            too_old_after=timedelta(days=settings.suppress_after_days),
            waits=timedelta(days=settings.waiting_days),
        ),
        database=PointedTransactions(database, points),
        work=lambda conn: mailing.work(build, conn, clock),
        dead_letters=DeadLetters(settings, "notifier"),
        health=health,
        clock=clock,
        connect=pointed_connect(points),
    )
    relay = Relay(
        settings.database_url,
        settings,
        health=health,
        clock=clock,
        sender=PointedSends(producer(settings, client_id="outbox-relay"), points),
        holder=pointed_holder(settings.database_url, points),
    )
    app = application(
        database, PrincipalVerifier(RemoteJwks(settings.identity_url, client, clock), clock), clock, health
    )
    return [
        HttpServer("http", app, settings.http_host, settings.http_port),
        HttpServer("management", management_app(health), settings.management_host, settings.management_port),
        TopicsAtStart(settings, of_service("notifier"), health=health),
        consumer,
        relay,
        PostgresWakeups(settings.database_url, send_due_mails.wake),
        send_due_mails,
        *jobs(database, begin, clock),
    ]


def service_work(database: Database, clock: Clock, build: str) -> Begin:
    @asynccontextmanager
    async def begin() -> AsyncIterator[NotifierWork]:
        async with database.service_transaction() as conn:
            yield mailing.work(build, conn, clock)

    return begin


if __name__ == "__main__":
    sys.exit(run_process(serve))
