"""The sender alone as a process of its own, without Kafka: `python -m tests.notifier.sender_process URL SMTP_PORT`."""

import asyncio
import sys
from datetime import timedelta

import uvloop

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.health import Health
from chassis.lifecycle import Component, Periodic, run_service
from notifier.adapters.postgres_wakeups import PostgresWakeups
from notifier.settings import NotifierSettings
from notifier.use_cases.recover_expired_leases import RecoverExpiredLeases
from notifier.wiring import sender, service_work, smtp_mailer
from tests.notifier.service import key_set


def settings(url: str, smtp_port: int, connections: int = 4) -> NotifierSettings:
    return NotifierSettings(
        http_port=0,
        management_port=0,
        database_url=url,
        kafka_bootstrap="127.0.0.1:9",
        identity_url="http://127.0.0.1:9",
        s3_endpoint="http://127.0.0.1:9",
        s3_access_key="a",
        s3_secret_key="b",
        s3_documents_bucket="bucket",
        public_url="https://portal.example",
        smtp_host="127.0.0.1",
        smtp_port=smtp_port,
        smtp_connections=connections,
        notifier_private_keys=key_set(),
    )


async def main(url: str, smtp_port: int) -> int:
    told, clock, health = settings(url, smtp_port), SystemClock(), Health()
    database = Database(url, pool_size=4, application_name="sender")
    begin = service_work(database, clock)
    sending = sender(told, begin=begin, mailer=smtp_mailer(told, clock), clock=clock, health=health)
    recovery = Periodic("recovery", timedelta(seconds=0.5), RecoverExpiredLeases(begin, clock))
    parts: list[Component] = [sending, recovery, PostgresWakeups(url, sending.wake)]
    return await run_service(parts, 10, health=health, closing=[database.close])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(main(sys.argv[1], int(sys.argv[2]))))
