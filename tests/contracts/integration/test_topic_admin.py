"""Topics on a real broker."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kundenportal_contracts.topic_admin import TopicsUnavailable, apply_topics, missing_topics, topic_states
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


async def test_a_topic_with_other_settings_is_told_and_left_alone(broker: Broker) -> None:
    """Every difference is named; nothing that exists is changed."""
    [topic] = topics_for("other")[1:2]
    await apply_topics(broker.bootstrap, [topic])
    changed = replace(topic, partitions=3, retention=timedelta(days=1))
    for states in (await apply_topics(broker.bootstrap, [changed]), await topic_states(broker.bootstrap, [changed])):
        assert [(state.state, state.differences) for state in states] == [
            ("different", ("partitions is 6 instead of 3", "retention.ms is 604800000 instead of 86400000"))
        ]
