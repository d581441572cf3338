"""The topics on a real broker: what is there, what is missing, what is set otherwise; and mending that."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts
from aiokafka.errors import KafkaError

from kundenportal_contracts.topic_changes import (
    NOT_ALLOWED,
    TopicsUnavailable,
    add_partitions,
    create,
    entries,
    partitions_of,
    replicas_of,
    set_settings,
)
from kundenportal_contracts.topics import ALL, Topic, settings_of

__all__ = [
    "TopicState",
    "TopicsUnavailable",
    "apply_topics",
    "cluster_id",
    "missing_topics",
    "states_of",
    "topic_states",
]

SECONDS = 30.0
SETTLING_SECONDS = 5.0
PAUSE_SECONDS = 0.1
REPLICAS = 3
PARTITIONS = "partitions"


@dataclass(frozen=True, slots=True)
class TopicState:
    """How a topic stands. `differences` read `setting is … instead of …`; those of a mended topic are gone."""

    topic: Topic
    state: Literal["present", "created", "mended", "missing", "different"]
    differences: tuple[str, ...] = ()


async def topic_states(
    bootstrap: str, topics: Sequence[Topic] = ALL, *, ssl: SSLContext | None = None
) -> list[TopicState]:
    """Look at each topic; nothing is changed."""
    async with _admin(bootstrap, ssl) as admin:
        return await states_of(admin, topics)


async def missing_topics(bootstrap: str, topics: Sequence[Topic], *, ssl: SSLContext | None = None) -> list[str]:
    """Name the topics that are not there: what a service asks at its start."""
    async with _admin(bootstrap, ssl) as admin:
        there = await partitions_of(admin)
    return [topic.name for topic in topics if topic.name not in there]


async def cluster_id(bootstrap: str, *, ssl: SSLContext | None = None) -> str:
    """Ask for the id that a Kafka cluster got when it was made; the address where it tells none."""
    async with _admin(bootstrap, ssl) as admin:
        return str((await admin.describe_cluster()).get("cluster_id") or bootstrap)


async def apply_topics(
    bootstrap: str,
    topics: Sequence[Topic] = ALL,
    *,
    replication_factor: int | None = None,
    ssl: SSLContext | None = None,
) -> list[TopicState]:
    """Make topics that are missing, wait until they can be used, and mend those that differ; a second run does nothing.

    Partitions are added and settings set; both bear on what is there already: a shorter retention lets the broker drop
    older records. Too many partitions stay, as Kafka takes none away, and the topic stays "different". Without a
    replication factor it is three, or the number of brokers where there are fewer.
    """
    async with _admin(bootstrap, ssl) as admin:
        before = await states_of(admin, topics)
        if missing := [state.topic for state in before if state.state == "missing"]:
            await create(admin, missing, replication_factor or await _replicas(admin), SECONDS)
        different = [state for state in before if state.state == "different"]
        await add_partitions(admin, [state.topic for state in different if _lacks_partitions(state)])
        await set_settings(admin, [state.topic for state in different if _has_other_settings(state)])
        await _until_usable(admin, [*missing, *(state.topic for state in different)])
        after = await _settled(admin, [state.topic for state in different])
        mended = {state.topic.name for state in after if state.state == "present"}
        remaining = {state.topic.name: state for state in after if state.state == "different"}
    return [_outcome(state, mended, remaining) for state in before]


async def _settled(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[TopicState]:
    """Look at the topics until what was changed shows: a broker learns of it a moment after the controller."""
    after: list[TopicState] = []
    for _ in range(int(SETTLING_SECONDS / PAUSE_SECONDS)):
        after = await states_of(admin, topics)
        if not any(_lacks_partitions(state) or _has_other_settings(state) for state in after):
            break
        await asyncio.sleep(PAUSE_SECONDS)
    return after


def _outcome(state: TopicState, mended: set[str], remaining: dict[str, TopicState]) -> TopicState:
    name = state.topic.name
    if state.state == "missing":
        return TopicState(state.topic, "created")
    return TopicState(state.topic, "mended", state.differences) if name in mended else remaining.get(name, state)


def _lacks_partitions(state: TopicState) -> bool:
    return any(what.startswith(PARTITIONS) and not what.endswith(")") for what in state.differences)


def _has_other_settings(state: TopicState) -> bool:
    return any(not what.startswith(PARTITIONS) for what in state.differences)


@asynccontextmanager
async def _admin(bootstrap: str, ssl: SSLContext | None) -> AsyncIterator[AIOKafkaAdminClient]:
    try:
        collect_hosts(bootstrap)
    except ValueError:
        raise TopicsUnavailable(f"{bootstrap} is no address of a broker (host:port)") from None
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
    except NOT_ALLOWED as error:
        raise TopicsUnavailable(f"the broker at {bootstrap} does not allow it ({type(error).__name__})") from None
    except (KafkaError, TimeoutError, OSError) as error:
        raise TopicsUnavailable(f"the broker at {bootstrap} does not answer ({type(error).__name__})") from None
    finally:
        await admin.close()


async def _replicas(admin: AIOKafkaAdminClient) -> int:
    cluster = await admin.describe_cluster()
    return min(REPLICAS, len(cluster["brokers"]))


async def states_of(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[TopicState]:
    """Look at each topic with a client that is connected; nothing is changed."""
    there = await partitions_of(admin)
    found = await entries(admin, [topic for topic in topics if topic.name in there])
    return [
        _state(topic, there[topic.name], {name: entry[1] for name, entry in found[topic.name].items()})
        if topic.name in there
        else TopicState(topic, "missing")
        for topic in topics
    ]


def _state(topic: Topic, there: Sequence[dict[str, Any]], settings: dict[str, str]) -> TopicState:
    partitions = len(there)
    differences = [
        f"{name} is {settings.get(name)} instead of {value}"
        for name, value in settings_of(topic, replicas_of(there)).items()
        if settings.get(name) != value
    ]
    if partitions != topic.partitions:
        stays = " (Kafka takes none away)" if partitions > topic.partitions else ""
        differences.insert(0, f"{PARTITIONS} is {partitions} instead of {topic.partitions}{stays}")
    return TopicState(topic, "different" if differences else "present", tuple(differences))


async def _until_usable(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """Wait until every partition has a leader; the caller's deadline bounds it."""
    while True:
        there = await partitions_of(admin)
        if all(_has_leaders(there.get(topic.name, ()), topic.partitions) for topic in topics):
            return
        await asyncio.sleep(PAUSE_SECONDS)


def _has_leaders(partitions: Sequence[dict[str, Any]], count: int) -> bool:
    return len(partitions) >= count and all(partition["leader"] >= 0 for partition in partitions)
