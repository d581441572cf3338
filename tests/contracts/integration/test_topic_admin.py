"""Topics on a real broker."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from kundenportal_contracts.topic_admin import TopicState, TopicsUnavailable, apply_topics, missing_topics, topic_states
from kundenportal_contracts.topic_changes import entries
from kundenportal_contracts.topics import BILLING_DOCUMENTS, CREDENTIALS, USERS, Topic, dead_letters
from tests.fixtures.broker import Broker

pytestmark = pytest.mark.integration


def topics_for(test: str) -> list[Topic]:
    """Topics of a test's own, of every kind."""
    return [replace(topic, name=f"{test}.{topic.name}") for topic in (USERS, CREDENTIALS, dead_letters("identity"))]


async def test_a_broker_that_is_not_there_is_told() -> None:
    """The error names the address."""
    with pytest.raises(TopicsUnavailable, match=r"127\.0\.0\.1:1 does not answer"):
        await missing_topics("127.0.0.1:1", [BILLING_DOCUMENTS])


async def test_more_replicas_than_brokers_are_told(broker: Broker) -> None:
    """What the broker refuses becomes an error, not silence."""
    [topic, *_] = topics_for("replicas")
    with pytest.raises(TopicsUnavailable, match=r"replicas\.identity\.users\.v1 cannot be made"):
        await apply_topics(broker.bootstrap, [topic], replication_factor=7)


async def test_topics_are_made_once(broker: Broker) -> None:
    """Missing, then created with their settings, then simply there."""
    wanted = topics_for("once")
    assert await missing_topics(broker.bootstrap, wanted) == [topic.name for topic in wanted]
    assert {state.state for state in await apply_topics(broker.bootstrap, wanted)} == {"created"}
    assert await missing_topics(broker.bootstrap, wanted) == []
    assert {state.state for state in await apply_topics(broker.bootstrap, wanted)} == {"present"}


async def test_what_differs_is_told_and_left_alone_until_it_is_to_be_mended(broker: Broker) -> None:
    """Partitions are added and settings set by applying alone; a second time there is nothing to do."""
    [topic] = topics_for("mended")[1:2]
    await apply_topics(broker.bootstrap, [replace(topic, partitions=3, retention=timedelta(days=1))])
    told = ("partitions is 3 instead of 6", "retention.ms is 86400000 instead of 604800000")
    assert await topic_states(broker.bootstrap, [topic]) == [TopicState(topic, "different", told)]
    assert await topic_states(broker.bootstrap, [topic]) == [TopicState(topic, "different", told)]
    assert await apply_topics(broker.bootstrap, [topic]) == [TopicState(topic, "mended", told)]
    assert await apply_topics(broker.bootstrap, [topic]) == [TopicState(topic, "present")]


async def test_too_many_partitions_stay_and_are_told(broker: Broker) -> None:
    """Kafka takes none away: the rest is mended, and the topic still differs."""
    [topic] = topics_for("fewer")[1:2]
    await apply_topics(broker.bootstrap, [topic])
    fewer = replace(topic, partitions=3, retention=timedelta(days=1))
    told = ("partitions is 6 instead of 3 (Kafka takes none away)",)
    for states in (await apply_topics(broker.bootstrap, [fewer]), await apply_topics(broker.bootstrap, [fewer])):
        assert states == [TopicState(fewer, "different", told)]


async def test_what_else_was_set_for_a_topic_stays(broker: Broker) -> None:
    """Mending replaces no setting that the interface does not speak of."""
    [topic] = topics_for("kept")[1:2]
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        own = {"segment.ms": "3600000", "max.message.bytes": "2000000"}
        await admin.create_topics([NewTopic(topic.name, 6, 1, topic_configs=own)])
        [state] = await apply_topics(broker.bootstrap, [topic])
        settings = (await entries(admin, [topic]))[topic.name]
    finally:
        await admin.close()
    assert state.state == "mended"
    assert [settings[name][1] for name in ("segment.ms", "max.message.bytes")] == ["3600000", "1048576"]


def test_the_command_shows_mends_and_then_has_nothing_to_do(broker: Broker) -> None:
    """All topics of the interface: missing, then made, then there; with a difference it says so and exits 1."""
    program = [str(Path(sys.executable).with_name("kundenportal-contracts")), "topics", "--bootstrap", broker.bootstrap]
    asyncio.run(broker.create_topics([replace(CREDENTIALS, retention=timedelta(days=1))]))
    runs = [
        subprocess.run([*program, *more], capture_output=True, text=True, check=False, timeout=60)
        for more in ([], ["--apply"], ["--apply"], [])
    ]
    difference = "identity.credentials.v1: retention.ms is 86400000 instead of 604800000"
    assert [run.returncode for run in runs] == [1, 0, 0, 0]
    assert [difference in run.stderr for run in runs] == [True, True, False, False]
    assert f"{difference}, mended" in runs[1].stderr
    assert all("present" in line for line in runs[3].stdout.splitlines())
