"""Whether a stand has come to rest: nothing to consume, nothing to publish, nothing to send."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from kundenportal_contracts.topics import ALL

HEARD: Mapping[str, Sequence[str]] = {
    "documents": ("billing.documents.v1",),
    "notifier": ("documents.documents.v1", "identity.users.v1", "identity.credentials.v1"),
    "identity": ("billing.customers.v1",),
}
UNDER_WAY = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending', 'dot_pending', 'delayed')"
LOOK_SECONDS = 5.0


class Resting(Protocol):
    @property
    def bootstrap(self) -> str: ...

    @property
    def databases(self) -> Mapping[str, str]: ...

    def group(self, service: str) -> str: ...


async def at_rest(stand: Resting) -> bool:
    """Ask once; who cannot be asked is not at rest."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await _nothing_waits(stand) and await _nothing_unread(stand) and await _nothing_waits(stand)
    except (OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


async def _nothing_waits(stand: Resting) -> bool:
    for service, dsn in stand.databases.items():
        connection = await asyncpg.connect(dsn, ssl=False, timeout=LOOK_SECONDS)
        try:
            waiting = await connection.fetchval("SELECT count(*) FROM outbox")
            waiting += await connection.fetchval(UNDER_WAY) if service == "notifier" else 0
        finally:
            await connection.close()
        if waiting:
            return False
    return True


async def _nothing_unread(stand: Resting) -> bool:
    return not any([await lag(stand.bootstrap, stand.group(service), HEARD[service]) for service in stand.databases])


def places_of(topics: Sequence[str]) -> list[TopicPartition]:
    """Every partition of these topics of ours."""
    return [
        TopicPartition(topic.name, number)
        for topic in ALL
        if topic.name in topics
        for number in range(topic.partitions)
    ]


async def lag(bootstrap: str, group: str, topics: Sequence[str]) -> int:
    """How many records of these topics the group has not acknowledged."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        await admin.start()
        await consumer.start()
        places = places_of(topics)
        ends = await consumer.end_offsets(places)
        reached = await admin.list_consumer_group_offsets(group)
        return sum(end - max(0, reached[place].offset if place in reached else 0) for place, end in ends.items())
    finally:
        await consumer.stop()
        await admin.close()
