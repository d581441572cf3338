"""Looks for a service's topics when it starts: it is not ready before it saw them all once, and says which are missing.

Afterwards the broker may go and come back: what needs no broker goes on being served.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence

from chassis.health import Health
from chassis.logs import get_logger
from chassis.messaging.clients import KafkaError, partitions_of
from chassis.settings import KafkaSettings
from kundenportal_contracts.topics import Topic

LOOK_SECONDS = 5.0
AGAIN_SECONDS = 2.0

log = get_logger()

Look = Callable[[Collection[str]], Awaitable[dict[str, int]]]


class TopicsNotSeen(Exception):
    """The service cannot do its work yet; `kundenportal-contracts topics --apply` makes what is missing."""


class TopicsAtStart:
    """A component, and the readiness check `topics`. `look` gives the number of partitions by name, 0 for none."""

    name = "topics_at_start"

    def __init__(
        self, kafka: KafkaSettings, topics: Sequence[Topic], *, health: Health, look: Look | None = None
    ) -> None:
        self._topics = [topic.name for topic in topics]
        self._look = look or (lambda names: partitions_of(kafka, names, seconds=LOOK_SECONDS))
        self._not_seen = "nobody has looked yet"
        self._stop = asyncio.Event()
        health.add_check("topics", self.check)

    async def check(self) -> None:
        """Raise TopicsNotSeen until all topics were there once."""
        if self._not_seen:
            raise TopicsNotSeen(self._not_seen)

    async def run(self) -> None:
        while not self._stop.is_set() and not await self._seen():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), AGAIN_SECONDS)
        await self._stop.wait()

    def stop(self) -> None:
        self._stop.set()

    async def _seen(self) -> bool:
        try:
            partitions = await self._look(self._topics)
        except (KafkaError, OSError, TimeoutError) as error:
            self._not_seen = f"the broker does not answer ({type(error).__name__})"
        else:
            missing = [name for name in self._topics if not partitions.get(name)]
            self._not_seen = f"missing: {', '.join(missing)}" if missing else ""
        if self._not_seen:
            log.warning("topics_not_seen", detail=self._not_seen)
        return not self._not_seen
