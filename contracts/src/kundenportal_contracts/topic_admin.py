"""The topics on a real broker: what is there, what is missing, what is set otherwise; and making what is missing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from kundenportal_contracts.topics import ALL, Topic, settings_of

SECONDS = 30.0
EXISTS = 36
REPLICAS = 3


class TopicsUnavailable(Exception):
    """The broker did not answer, or refused."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """How a topic stands. `differences` read `setting is … instead of …`."""

    topic: Topic
    state: Literal["present", "created", "missing", "different"]
    differences: tuple[str, ...] = ()


async def topic_states(
    bootstrap: str, topics: Sequence[Topic] = ALL, *, ssl: SSLContext | None = None
) -> list[TopicState]:
    """Look at each topic; nothing is changed."""
    async with _admin(bootstrap, ssl) as admin:
        return await _states(admin, topics)


async def missing_topics(bootstrap: str, topics: Sequence[Topic], *, ssl: SSLContext | None = None) -> list[str]:
    """Name the topics that are not there: what a service asks at its start."""
    async with _admin(bootstrap, ssl) as admin:
        there = await _partitions(admin)
    return [topic.name for topic in topics if topic.name not in there]


async def apply_topics(
    bootstrap: str,
    topics: Sequence[Topic] = ALL,
    *,
    replication_factor: int | None = None,
    ssl: SSLContext | None = None,
) -> list[TopicState]:
    """Make the topics that are missing and wait until they can be used; a topic that exists is never changed.

    Without a replication factor it is three, or the number of brokers where there are fewer.
    """
    async with _admin(bootstrap, ssl) as admin:
        before = await _states(admin, topics)
        missing = [state.topic for state in before if state.state == "missing"]
        if missing:
            await _create(admin, missing, replication_factor or await _replicas(admin))
            await _until_usable(admin, missing)
        created = {topic.name for topic in missing}
        return [TopicState(state.topic, "created") if state.topic.name in created else state for state in before]


@asynccontextmanager
async def _admin(bootstrap: str, ssl: SSLContext | None) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap,
        request_timeout_ms=int(SECONDS * 1000),
        security_protocol="SSL" if ssl else "PLAINTEXT",
        ssl_context=ssl,
    )
    try:
        async with asyncio.timeout(SECONDS):
            await admin.start()
            yield admin
    except (KafkaError, TimeoutError, OSError) as error:
        raise TopicsUnavailable(f"the broker at {bootstrap} does not answer ({type(error).__name__})") from None
    finally:
        await admin.close()


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, list[dict[str, Any]]]:
    """Ask for every topic: asking by name would make a missing one where the broker creates topics by itself."""
    return {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}


async def _replicas(admin: AIOKafkaAdminClient) -> int:
    cluster = await admin.describe_cluster()
    return min(REPLICAS, len(cluster["brokers"]))


async def _states(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[TopicState]:
    there = await _partitions(admin)
    settings = await _settings(admin, [topic for topic in topics if topic.name in there])
    return [
        _state(topic, len(there[topic.name]), settings[topic.name])
        if topic.name in there
        else TopicState(topic, "missing")
        for topic in topics
    ]


def _state(topic: Topic, partitions: int, settings: dict[str, str]) -> TopicState:
    wanted = {"partitions": str(topic.partitions), **settings_of(topic)}
    found = {"partitions": str(partitions), **settings}
    differences = tuple(
        f"{name} is {found.get(name)} instead of {value}" for name, value in wanted.items() if found.get(name) != value
    )
    return TopicState(topic, "different" if differences else "present", differences)


async def _settings(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {topic.name: {} for topic in topics}
    if topics:
        asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
        for answer in await admin.describe_configs(asked):
            for _error, _text, _kind, name, entries in answer.resources:
                found[name] = {entry[0]: entry[1] for entry in entries}
    return found


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic], replication_factor: int) -> None:
    wanted = [
        NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=settings_of(topic)) for topic in topics
    ]
    answer = await admin.create_topics(wanted, timeout_ms=int(SECONDS * 1000))
    for name, code, *text in answer.topic_errors:
        if code not in {0, EXISTS}:
            raise TopicsUnavailable(
                f"topic {name} cannot be made: {next(filter(None, text), None) or for_code(code).__name__}"
            )


async def _until_usable(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """Wait until every partition has a leader; the caller's deadline bounds it."""
    while True:
        there = await _partitions(admin)
        if all(_has_leaders(there.get(topic.name, ()), topic.partitions) for topic in topics):
            return
        await asyncio.sleep(0.1)


def _has_leaders(partitions: Sequence[dict[str, Any]], count: int) -> bool:
    return len(partitions) == count and all(partition["leader"] >= 0 for partition in partitions)
