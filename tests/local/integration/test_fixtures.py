"""The parts that every integration test stands on, each asked for the one thing it is for."""

import smtplib
from collections.abc import Sequence

import asyncpg
import boto3
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from botocore.config import Config
from playwright.async_api import Browser

from kundenportal_contracts.topic_admin import topic_states
from kundenportal_contracts.topics import BILLING_DOCUMENTS, USERS
from tests.fixtures.billing import Billing
from tests.fixtures.broker import Broker
from tests.fixtures.bus import bus
from tests.fixtures.mailbox import Mailbox
from tests.fixtures.object_store import ObjectStore
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration


async def test_topics_are_empty_for_each_test(broker: Broker) -> None:
    """Making a topic that an earlier test filled leaves an empty one with the settings of the list."""
    await broker.create_topics([BILLING_DOCUMENTS, USERS])
    async with bus(broker.bootstrap) as billing:
        await billing.raw(BILLING_DOCUMENTS.name, b"4711", b"{}", [("ce_type", b"x")])
    assert sum(await ends(broker, BILLING_DOCUMENTS.name)) == 1
    await broker.create_topics([BILLING_DOCUMENTS, USERS])
    assert await ends(broker, BILLING_DOCUMENTS.name) == [0] * 6
    assert {state.state for state in await topic_states(broker.bootstrap, [BILLING_DOCUMENTS, USERS])} == {"present"}


async def ends(broker: Broker, topic: str) -> Sequence[int]:
    """The next offset of each of the topic's six partitions."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap)
    await consumer.start()
    try:
        return list((await consumer.end_offsets([TopicPartition(topic, number) for number in range(6)])).values())
    finally:
        await consumer.stop()


async def test_a_database_belongs_to_an_ordinary_role(postgres: PostgresServer) -> None:
    """A service's role owns its database, and is neither superuser nor above row-level security."""
    connection = await asyncpg.connect(postgres.create_database("identity"))
    try:
        role = await connection.fetchrow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        await connection.execute("CREATE TABLE t (i int)")
    finally:
        await connection.close()
    assert role is not None
    assert tuple(role) == (False, False)


async def test_a_database_is_closed_to_other_roles(postgres: PostgresServer) -> None:
    """The role of one service cannot connect to another service's database."""
    mine, other = postgres.create_database("documents"), postgres.create_database("notifier")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(mine.rsplit("/", 1)[0] + "/" + other.rsplit("/", 1)[1])


def test_objects_come_back_as_they_went(object_store: ObjectStore) -> None:
    """What is put into a fresh bucket is what a get brings."""
    client = boto3.client(
        "s3",
        endpoint_url=object_store.endpoint,
        aws_access_key_id=object_store.access_key,
        aws_secret_access_key=object_store.secret_key,
        region_name=object_store.region,
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )
    bucket = object_store.create_bucket()
    client.put_object(Bucket=bucket, Key="billing/sap-1/a.pdf", Body=b"%PDF")
    body = client.get_object(Bucket=bucket, Key="billing/sap-1/a.pdf")["Body"]
    assert body.read() == b"%PDF"
    client.close()


def test_a_mail_is_kept_byte_for_byte(mailbox: Mailbox) -> None:
    """The Maildir has the bytes that were sent, dots and umlauts included, under the envelope."""
    content = b"Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\n.dot\r\n..two\r\nend\r\n"
    with smtplib.SMTP(mailbox.smtp_host, mailbox.smtp_port) as client:
        client.sendmail("a@x.de", ["b@y.de", "c@y.de"], content)
    (file,) = mailbox.files()
    assert file.read_bytes() == b"X-MailFrom: a@x.de\r\nX-RcptTo: b@y.de\r\nX-RcptTo: c@y.de\r\n" + content
    assert len(mailbox.messages(to="c@y.de")) == 1
    assert mailbox.messages(to="d@y.de") == []


def test_billing_makes_the_same_pdf_twice(billing: Billing) -> None:
    """A paper's bytes depend on its text alone, so that a test can hand over the same one again."""
    assert billing.pdf("Rechnung ł") == billing.pdf("Rechnung ł")
    assert billing.pdf("Rechnung ł") != billing.pdf("Rechnung ü")


@pytest.mark.browser
async def test_the_browser_shows_a_page(browser: Browser) -> None:
    """Chromium renders what it is given."""
    page = await browser.new_page()
    await page.set_content("<title>Grüße</title>")
    assert await page.title() == "Grüße"
