"""The service's own parts on a real broker and a real database: events in, events out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from joserfc import jwe
from joserfc.jwk import ECKey

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.health import Health
from identity.adapters.argon2_passwords import Argon2Passwords
from identity.main import components
from identity.settings import IdentitySettings
from kundenportal_contracts.topics import BILLING_CUSTOMERS, CREDENTIALS, IDENTITY_CUSTOMERS, USERS, dead_letters
from tests.fixtures.broker import Broker
from tests.identity.making import event, registration

pytestmark = pytest.mark.integration

NOTIFIER = ECKey.generate_key("P-256", {"kid": "notifier-1"})
SAID = (IDENTITY_CUSTOMERS, USERS, CREDENTIALS, dead_letters("identity"))


@asynccontextmanager
async def running(settings: IdentitySettings, database: Database) -> AsyncIterator[None]:
    """All components, from start to an orderly stop."""
    passwords = Argon2Passwords()
    parts = await components(settings, database, passwords, SystemClock(), Health())
    tasks = [asyncio.create_task(part.run(), name=part.name) for part in parts]
    try:
        yield
    finally:
        for part in parts:
            part.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), 25)
        await passwords.close()


async def heard(bootstrap: str, count: int) -> list[tuple[str, bytes | None, bytes]]:
    """The first `count` records that identity says, as (ce_type, key, value)."""
    consumer = AIOKafkaConsumer(
        *(topic.name for topic in SAID), bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    records: list[tuple[str, bytes | None, bytes]] = []
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(30):
                while len(records) < count:
                    record = await consumer.getone()
                    ce_type = dict(record.headers).get("ce_type", b"").decode()
                    records.append((ce_type, record.key, record.value))
    finally:
        await consumer.stop()
    return records


async def test_events_in_and_events_out(broker: Broker, database: Database, database_url: str) -> None:
    """A customer becomes a user and a mail's secret; a broken record is told to billing and kept for operators."""
    await broker.create_topics([BILLING_CUSTOMERS, *SAID])
    settings = IdentitySettings(
        http_port=0,
        management_port=0,
        database_url=database_url,
        kafka_bootstrap=broker.bootstrap,
        key_encryption_key=bytes(32),
        notifier_public_key=NOTIFIER.as_dict(private=False),
    )
    records = [event(b"{not json").record, event(registration()).record]
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer, running(settings, database):
        for record in records:
            await producer.send_and_wait(record.topic, record.value, key=record.key, headers=list(record.headers))
        said = await heard(broker.bootstrap, 5)
    values = {ce_type: json.loads(value) for ce_type, _, value in said if value != b"{not json"}
    assert values["identity.CustomerRejected.v1"]["reason"] == "malformed_event"
    assert values["identity.CustomerAccepted.v1"]["username"] == "s8u8i1"
    created, issued = values["identity.UserCreated.v1"], values["identity.InitialPasswordIssued.v1"]
    assert created["user_id"] == issued["user_id"] == values["identity.CustomerAccepted.v1"]["user_id"]
    opened = jwe.decrypt_compact(issued["secret"], NOTIFIER, algorithms=["ECDH-ES", "A256GCM"])
    assert len(opened.plaintext or b"") == 19
    assert [key for ce_type, key, _ in said if ce_type == "identity.UserCreated.v1"] == [created["user_id"].encode()]
    assert [value for _, _, value in said].count(b"{not json") == 1
