"""The running service: events in from Kafka, mails out by SMTP, outcomes back on the bus."""

import asyncio
import hashlib
import json
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from obstore.store import S3Store

from kundenportal_contracts.topics import CREDENTIALS, DELIVERIES, DOCUMENTS, USERS, dead_letters
from tests.fixtures.broker import Broker
from tests.fixtures.embedded import reserved_ports
from tests.fixtures.mailbox import Mailbox
from tests.fixtures.object_store import ObjectStore
from tests.fixtures.postgres import PostgresServer
from tests.notifier.samples import password_issued, published, removed, user_event
from tests.notifier.service import Notifier, Speaker, eventually, key_set, program, rows, sealed, speaker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

TOPICS = (USERS, CREDENTIALS, DOCUMENTS, DELIVERIES, dead_letters("notifier"))
STATES = "SELECT state, count(*) FROM delivery GROUP BY state ORDER BY state"


class Running:
    def __init__(self, notifier: Notifier, url: str, bus: Speaker, store: S3Store, mailbox: Mailbox) -> None:
        self.notifier, self.url, self.bus, self.store, self.mailbox = notifier, url, bus, store, mailbox

    async def put(self, content: bytes) -> dict[str, object]:
        key = f"4711/{hashlib.sha256(content).hexdigest()}/{uuid4()}"
        await self.store.put_async(key, content)
        return {"object_key": key, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.fixture(scope="module")
def topics(broker: Broker) -> Broker:
    """Made once: each test's process goes on where the one before it ended."""
    asyncio.run(broker.create_topics(TOPICS))
    return broker


@pytest.fixture
async def running(
    postgres: PostgresServer, topics: Broker, object_store: ObjectStore, mailbox: Mailbox
) -> AsyncIterator[Running]:
    url, bucket = postgres.create_database("notifier"), object_store.create_bucket()
    with reserved_ports(2) as (http_port, management_port):
        environment = {
            "KUNDENPORTAL_HTTP_PORT": str(http_port),
            "KUNDENPORTAL_MANAGEMENT_PORT": str(management_port),
            "KUNDENPORTAL_DATABASE_URL": url,
            "KUNDENPORTAL_KAFKA_BOOTSTRAP": topics.bootstrap,
            "KUNDENPORTAL_IDENTITY_URL": "http://127.0.0.1:9",
            "KUNDENPORTAL_S3_ENDPOINT": object_store.endpoint,
            "KUNDENPORTAL_S3_ACCESS_KEY": object_store.access_key,
            "KUNDENPORTAL_S3_SECRET_KEY": object_store.secret_key,
            "KUNDENPORTAL_S3_DOCUMENTS_BUCKET": bucket,
            "KUNDENPORTAL_SMTP_HOST": mailbox.smtp_host,
            "KUNDENPORTAL_SMTP_PORT": str(mailbox.smtp_port),
            "KUNDENPORTAL_PUBLIC_URL": "https://portal.example",
            "KUNDENPORTAL_NOTIFIER_PRIVATE_KEYS": key_set(),
            "KUNDENPORTAL_GROUP_INSTANCE_ID": "test-notifier",
        }
        await asyncio.to_thread(lambda: subprocess.run([program(), "migrate"], env=environment, check=True))
        notifier = Notifier(environment, http_port)
        await notifier.start()
        store = S3Store(
            bucket,
            endpoint=object_store.endpoint,
            access_key_id=object_store.access_key,
            secret_access_key=object_store.secret_key,
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        try:
            async with speaker(topics.bootstrap) as bus:
                yield Running(notifier, url, bus, store, mailbox)
        finally:
            print(notifier.output())  # noqa: T201 -- shown where a test fails
            await notifier.kill()


async def test_a_document_becomes_a_mail(running: Running) -> None:
    """From DocumentPublished to the mailbox, and MailSent back on the bus; the same event again is nothing new."""
    now = datetime.now(UTC)
    await running.bus.say(USERS.name, user_event("UserCreated", email="max@hof.example"))
    await eventually(running.url, "SELECT count(*) FROM recipient", [(1,)])
    event = published(time=now)
    await running.bus.say(DOCUMENTS.name, event, event)
    [mail] = await asyncio.to_thread(running.mailbox.wait_for, 1, "max@hof.example")
    assert mail["Subject"] == "Rechnung R0099901888 vom 02.03.2018 – Kunde 4711"
    await eventually(running.url, STATES, [("sent", 1)])
    await eventually(running.url, "SELECT count(*) FROM outbox", [(0,)])
    await asyncio.sleep(0.5)
    assert len(running.mailbox.messages("max@hof.example")) == 1


async def test_the_attachment_is_the_original(running: Running) -> None:
    """Byte for byte; what a wrong object holds is never sent."""
    content = hashlib.shake_128(b"pdf").digest(100_000)
    user = user_event("UserCreated", email="anhang@hof.example")
    await running.bus.say(USERS.name, user)
    await eventually(running.url, "SELECT count(*) FROM recipient", [(1,)])
    await rows(
        running.url,
        "INSERT INTO notification_settings SELECT user_id, customer_number, 'attachment', '{}' FROM recipient",
    )
    wrong = {**await running.put(b"other bytes"), "sha256": "0" * 64}
    now = datetime.now(UTC)
    await running.bus.say(
        DOCUMENTS.name,
        published(time=now, document_number="R-ü ł €", **await running.put(content)),
        published(time=now, document_number="R-wrong", **wrong),
    )
    [mail] = await asyncio.to_thread(running.mailbox.wait_for, 1, "anhang@hof.example")
    [part] = mail.iter_attachments()
    assert (part.get_filename(), part.get_payload(decode=True)) == ("R-ü ł €.pdf", content)
    await eventually(running.url, STATES, [("delayed", 1), ("sent", 1)])


async def test_a_document_waits_for_the_first_user(running: Running) -> None:
    """Then the first user gets it, and nobody who is added later."""
    now = datetime.now(UTC)
    await running.bus.say(DOCUMENTS.name, published(time=now))
    await eventually(running.url, "SELECT count(*) FROM published_document WHERE waits_until IS NOT NULL", [(1,)])
    await running.bus.say(
        USERS.name,
        user_event("UserCreated", email="spaeter@hof.example", first=False),
        user_event("UserCreated", email="erste@hof.example", status="invited"),
    )
    await asyncio.to_thread(running.mailbox.wait_for, 1, "erste@hof.example")
    await eventually(running.url, STATES, [("sent", 1)])


async def test_the_password_mail_brings_the_password(running: Running) -> None:
    """Opened with this service's key, kept in no row afterwards; what no key opens fails and is told."""
    expires = (datetime.now(UTC) + timedelta(days=14)).isoformat()
    good = password_issued(sealed("k7mq-x4hd-9rtb-w2np"), email="neu@hof.example", expires_at=expires)
    bad = password_issued("not.a.real.jwe.at-all", email="nie@hof.example", expires_at=expires)
    await running.bus.say(CREDENTIALS.name, good, bad)
    [mail] = await asyncio.to_thread(running.mailbox.wait_for, 1, "neu@hof.example")
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Initialpasswort: k7mq-x4hd-9rtb-w2np" in body.get_content().splitlines()
    await eventually(running.url, STATES, [("failed", 1), ("sent", 1)])
    assert await rows(running.url, "SELECT 1 FROM delivery WHERE secret IS NOT NULL") == []
    assert "k7mq" not in running.notifier.output()


async def test_old_and_removed_documents_cause_no_mail(running: Running) -> None:
    """A replayed bus mails nobody; nor does what is not current, or what was removed before it waited its turn."""
    now = datetime.now(UTC)
    gone = published(time=now, customer_number="4712")
    await running.bus.say(USERS.name, user_event("UserCreated", email="max@hof.example"))
    await eventually(running.url, "SELECT count(*) FROM recipient", [(1,)])
    await running.bus.say(
        DOCUMENTS.name,
        published(time=now - timedelta(days=8)),
        published(time=now, current=False),
        gone,
        removed(json.loads(gone.record.value or b"")["document_id"]),
    )
    await eventually(running.url, "SELECT count(*) FROM inbox", [(4,)])
    await running.bus.say(USERS.name, user_event("UserCreated", email="zwei@hof.example", customer_number="4712"))
    await eventually(running.url, "SELECT count(*) FROM recipient", [(2,)])
    await eventually(running.url, STATES, [("suppressed", 1)])
    await asyncio.sleep(0.5)
    assert running.mailbox.messages() == []


async def test_the_doctor_looks_at_everything(running: Running) -> None:
    """Database, topics, mail server and bucket, each in words; here only identity is missing."""
    told = await asyncio.to_thread(
        lambda: subprocess.run(
            [program(), "doctor"], env=dict(running.notifier.environment), check=False, capture_output=True, text=True
        )
    )
    faults = [line for line in told.stdout.splitlines() if line.startswith("│ no")]
    assert ["identity" in line for line in faults] == [True], told.stdout + told.stderr
    assert "greets" in told.stdout
    assert "can be read" in told.stdout


async def test_a_stop_is_clean(running: Running) -> None:
    """SIGTERM ends the service with 0, soon."""
    assert await running.notifier.stop() == 0
