"""START HERE: what identity is made of."""

import sys

from chassis.cli import service_cli
from chassis.clock import Clock, SystemClock
from chassis.database import Database, DatabaseUnavailable
from chassis.health import Health, management_app
from chassis.lifecycle import Component, HttpServer, Periodic, run_service
from chassis.logs import configure_logs
from chassis.messaging.consumer import Consumer
from chassis.messaging.dead_letters import DeadLetters
from chassis.messaging.topics_at_start import TopicsAtStart
from chassis.outbox.relay import Relay
from chassis.outbox.watch import table_jobs
from chassis.settings import load_settings
from chassis.telemetry import configure_telemetry
from identity.adapters.argon2_passwords import Argon2Passwords
from identity.adapters.jwe_secrets import JweSecrets
from identity.adapters.jwt_principals import JwtPrincipals
from identity.adapters.postgres_signing_keys import load_signing_keys
from identity.adapters.postgres_work import PostgresTransactions, postgres_work
from identity.adapters.privacy_notices_folder import PrivacyNoticesFolder
from identity.domain import FAILURE_WINDOW
from identity.ports import CannotStart
from identity.settings import IdentitySettings
from identity.subscriptions import subscriptions
from identity.use_cases.forget_stale_data import ForgetStaleData
from identity.wiring import application, use_cases
from kundenportal_contracts.topics import BILLING_CUSTOMERS, of_service


async def serve() -> int:
    settings = load_settings(IdentitySettings)
    configure_logs("identity", settings.log_level)
    configure_telemetry("identity", settings.otlp_endpoint)
    database = Database(settings.database_url, pool_size=settings.database_pool_size, application_name="identity")
    passwords, clock, health = Argon2Passwords(), SystemClock(), Health()
    health.add_check("database", database.ping)
    try:
        parts = await components(settings, database, passwords, clock, health)
    except (CannotStart, DatabaseUnavailable) as reason:
        sys.stderr.write(f"{type(reason).__name__}: {reason}\n")
        return 2
    closing = [database.close, passwords.close]
    return await run_service(parts, settings.shutdown_seconds, health=health, closing=closing)


async def components(
    settings: IdentitySettings, database: Database, passwords: Argon2Passwords, clock: Clock, health: Health
) -> list[Component]:
    transactions = PostgresTransactions(database, clock)
    notices = PrivacyNoticesFolder(settings.privacy_notices_dir)
    async with database.service_transaction() as conn:
        keys = await load_signing_keys(conn, key_encryption_key=settings.key_encryption_key, clock=clock)
    use = use_cases(transactions, passwords, JwtPrincipals(keys, clock), notices, clock)
    secrets = JweSecrets(settings.notifier_public_key)
    consumer = Consumer(
        settings,
        group="identity",
        subscriptions=subscriptions(settings.billing_sources, passwords, secrets, clock),
        database=database,
        work=lambda conn: postgres_work(conn, clock),
        dead_letters=DeadLetters(settings, "identity"),
        health=health,
        clock=clock,
    )
    return [
        HttpServer("http", application(use, health), settings.http_host, settings.http_port),
        HttpServer("management", management_app(health), settings.management_host, settings.management_port),
        TopicsAtStart(settings, of_service("identity"), health=health),
        consumer,
        Relay(settings.database_url, settings, health=health, clock=clock),
        Periodic("forget_stale_data", FAILURE_WINDOW, ForgetStaleData(transactions, clock)),
        *table_jobs(database, [BILLING_CUSTOMERS], clock),
    ]


cli = service_cli("identity", serve, "identity.migrations", IdentitySettings, topics=of_service("identity"))
