"""A service looks for its topics once: not ready without them, and unmoved by the broker afterwards."""

import asyncio
from collections.abc import Collection

from chassis.health import Health
from chassis.messaging.topics_at_start import TopicsAtStart
from chassis.settings import KafkaSettings
from kundenportal_contracts.topics import of_service

TOPICS = of_service("documents")
KAFKA = KafkaSettings(kafka_bootstrap="127.0.0.1:9")


async def settled(part: TopicsAtStart) -> None:
    """Let the component look once, then end it."""
    running = asyncio.create_task(part.run())
    await asyncio.sleep(0.01)
    part.stop()
    await running


async def test_a_service_is_ready_once_all_topics_were_seen() -> None:
    """All there: the check passes."""

    async def look(names: Collection[str]) -> dict[str, int]:
        return dict.fromkeys(names, 6)

    health = Health()
    await settled(TopicsAtStart(KAFKA, TOPICS, health=health, look=look))
    assert (await health.results())["topics"].ok


async def test_missing_topics_are_named() -> None:
    """One is missing: not ready, and the check says which."""

    async def look(names: Collection[str]) -> dict[str, int]:
        return {name: 0 if name == "documents.documents.v1" else 6 for name in names}

    health = Health()
    await settled(TopicsAtStart(KAFKA, TOPICS, health=health, look=look))
    assert (await health.results())["topics"].detail == "TopicsNotSeen: missing: documents.documents.v1"


async def test_a_broker_that_is_away_is_asked_again_until_the_stop() -> None:
    """Nobody answers: not ready, no failure of the service, and the stop is prompt."""

    async def look(_names: Collection[str]) -> dict[str, int]:
        raise ConnectionError

    health = Health()
    part = TopicsAtStart(KAFKA, TOPICS, health=health, look=look)
    await settled(part)
    assert (await health.results())["topics"].detail == "TopicsNotSeen: the broker does not answer (ConnectionError)"
