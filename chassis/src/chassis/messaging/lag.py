"""How far the group is behind: measured at the broker every few seconds, whether or not anything is read meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.messaging.clients import Place
from chassis.messaging.partition import PartitionWorker
from chassis.messaging.retry import describe
from chassis.messaging.subscriptions import Partition

EVERY_SECONDS = 5.0
LIMIT_SECONDS = 10.0

log = get_logger()

Places = Callable[[Collection[Partition]], Awaitable[Mapping[Partition, Place]]]


class LagWatch:
    """Of the workers of one membership: a lag for each partition from its assignment on, and the oldest batch in hand."""

    def __init__(self, workers: Callable[[], Collection[PartitionWorker]]) -> None:
        self._workers = workers
        self._shown: set[Partition] = set()
        self._busy_since: dict[PartitionWorker, tuple[int | None, float]] = {}

    async def run(self, places: Places) -> None:
        """Until cancelled. Where the broker does not answer, the last figures stand."""
        while True:
            partitions = [worker.partition for worker in self._workers()]
            if partitions:
                try:
                    async with asyncio.timeout(LIMIT_SECONDS):
                        self._show(await places(partitions))
                except Exception as error:  # noqa: BLE001 - whatever it is, the consumer goes on
                    log.debug("lag_not_measured", error=describe(error))
            await asyncio.sleep(EVERY_SECONDS if partitions else EVERY_SECONDS / 50)

    def look(self) -> None:
        """Notice since when each batch in hand is in hand."""
        now = asyncio.get_running_loop().time()
        before, self._busy_since = self._busy_since, {}
        for worker in self._workers():
            if worker.busy:
                since = before.get(worker, (None, now))
                self._busy_since[worker] = since if since[0] == worker.reached else (worker.reached, now)
        ages = [now - since for _, since in self._busy_since.values()]
        metrics.BATCH_AGE.set(max(ages, default=0.0))

    def forget(self) -> None:
        """The partitions were taken away: their lag is another member's now."""
        for topic, number in self._shown:
            metrics.LAG.remove(topic, str(number))
        self._shown.clear()
        self._busy_since.clear()
        metrics.BATCH_AGE.set(0)

    def _show(self, places: Mapping[Partition, Place]) -> None:
        for worker in self._workers():
            if (place := places.get(worker.partition)) is not None:
                reached = place.next if worker.reached is None else worker.reached
                metrics.LAG.labels(worker.partition.topic, str(worker.partition.number)).set(
                    max(0, place.end - max(reached, 0))
                )
                self._shown.add(worker.partition)
