"""What `topics --apply` does to a broker: makes topics, adds partitions, sets settings; and the refusals, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    for_code,
)

from kundenportal_contracts.topics import Topic, settings_of

EXISTS = 36
NOT_ALLOWED = (TopicAuthorizationFailedError, ClusterAuthorizationFailedError)
# Set for this topic, not for the broker and not by default.
SET_FOR_TOPIC = 1


class TopicsUnavailable(Exception):
    """The broker did not answer, or refused."""


async def create(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic], replication_factor: int, timeout_seconds: float
) -> None:
    """Make topics that are missing; one that somebody else made meanwhile is no error."""
    wanted = [
        NewTopic(
            topic.name,
            topic.partitions,
            replication_factor,
            topic_configs=settings_of(topic, replication_factor),
        )
        for topic in topics
    ]
    answer = await admin.create_topics(wanted, timeout_ms=int(timeout_seconds * 1000))
    for name, code, *text in answer.topic_errors:
        if code != EXISTS:
            _check("made", name, code, next(filter(None, text), None))


async def add_partitions(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """Give topics the partitions they lack. New records of a key may then stand on another partition than old ones."""
    for topic in topics:
        try:
            await admin.create_partitions({topic.name: NewPartitions(topic.partitions)})
        except KafkaError as error:
            raise TopicsUnavailable(_refusal("given more partitions", topic.name, type(error), None)) from None


async def set_settings(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """Set what differs. What else was set for a topic by somebody stays, as the request replaces all that is set."""
    there = await partitions_of(admin) if topics else {}
    for topic in topics:
        wanted = settings_of(topic, replicas_of(there.get(topic.name, ())))
        kept = {name: entry[1] for name, entry in (await entries(admin, [topic]))[topic.name].items() if _is_set(entry)}
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, kept | wanted)
        for answer in await admin.alter_configs([resource]):
            for code, text, *_ in answer.resources:
                _check("set", topic.name, code, text)


async def partitions_of(admin: AIOKafkaAdminClient) -> dict[str, list[dict[str, Any]]]:
    """Ask for every topic: asking by name would make a missing one where the broker creates topics by itself."""
    return {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}


def replicas_of(partitions: Sequence[Mapping[str, Any]]) -> int:
    """Tell how many brokers hold each partition, in sync or not; of several numbers the lowest."""
    return min((len(partition["replicas"]) for partition in partitions), default=1)


async def entries(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, Mapping[str, Any]]:
    """Ask for the settings of topics that are there: each as the broker's entry, by topic and name."""
    found: dict[str, Mapping[str, Any]] = {topic.name: {} for topic in topics}
    if topics:
        asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
        for answer in await admin.describe_configs(asked):
            for code, text, _kind, name, told in answer.resources:
                _check("looked at", name, code, text)
                found[name] = {entry[0]: entry for entry in told}
    return found


def _is_set(entry: Sequence[Any]) -> bool:
    _name, value, read_only, source, *_ = entry
    return source == SET_FOR_TOPIC and not read_only and value is not None


def _check(done: str, topic: str, code: int, text: str | None) -> None:
    if code:
        raise TopicsUnavailable(_refusal(done, topic, for_code(code), text))


def _refusal(done: str, topic: str, error: type[Exception], text: str | None) -> str:
    if issubclass(error, NOT_ALLOWED):
        return f"topic {topic} cannot be {done}: the broker does not allow it to this client ({error.__name__})"
    return f"topic {topic} cannot be {done}: {text or error.__name__}"
