"""The loop over one partition: take records, see the batch through, acknowledge it, go on.

Nothing is acknowledged before it took effect, and nothing overtakes a batch that has to wait.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from chassis.clock import Clock
from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.messaging.batch import Batch, cut, sort_out
from chassis.messaging.retry import back_off, classify, describe
from chassis.messaging.settle import Settler
from chassis.messaging.subscriptions import Partition, Record, Subscription
from chassis.messaging.tracing import batch_span

POLL_SECONDS = 1.0
COMMIT_SECONDS = 5.0
MAX_RECORDS = 500
MAX_BYTES = 4 * 1_048_576

log = get_logger()


class RecordSource(Protocol):
    """A member of the group, as far as one partition needs it."""

    async def poll(self, partition: Partition, *, seconds: float, max_records: int) -> list[Record]: ...

    async def commit(self, partition: Partition, offset: int) -> None: ...


class PartitionWorker:
    """Lives from the assignment of its partition to its revocation; what it holds then is dropped and comes again."""

    def __init__(
        self,
        partition: Partition,
        subscription: Subscription[Any],
        *,
        source: RecordSource,
        settler: Settler,
        clock: Clock,
        waits: Callable[[], Iterator[float]] = back_off,
    ) -> None:
        self.partition = partition
        self.reached: int | None = None
        """The offset of the first record that has not taken effect; None before any was seen."""
        self.busy = False
        self._subscription = subscription
        self._source = source
        self._settler = settler
        self._clock = clock
        self._waits = waits
        self._draining = asyncio.Event()
        self._acknowledge_up_to: int | None = None

    def drain(self) -> None:
        """Ask for the end after the batch at hand; a batch that waits for another attempt is dropped."""
        self._draining.set()

    async def run(self) -> None:
        """Go round until drained or cancelled; a failure of the source ends it, and the membership with it."""
        while not self._draining.is_set():
            records = await self._source.poll(self.partition, seconds=POLL_SECONDS, max_records=MAX_RECORDS)
            if not records:
                await self._acknowledge()
                continue
            self.busy = True
            try:
                for part in cut(records, MAX_BYTES):
                    if self._draining.is_set() or not await self._see_through(part):
                        return
                    await self._acknowledge()
            finally:
                self.busy = False

    async def _see_through(self, records: list[Record]) -> bool:
        """Attempt the batch until it is settled; False where it was dropped on the way."""
        batch = sort_out(records, self._subscription)
        self.reached = batch.first_offset
        began = self._clock.monotonic()
        waits = self._waits()
        while not await self._attempt(batch):
            metrics.POSTPONED.labels(batch.topic).inc()
            with metrics.PAUSED.track_inprogress():
                if await self._drained_within(next(waits)):
                    return False
        self.reached = self._acknowledge_up_to = batch.next_offset
        metrics.BATCH_SECONDS.labels(batch.topic).observe(self._clock.monotonic() - began)
        metrics.BATCHES.labels(batch.topic).inc()
        metrics.RECORDS.labels(batch.topic).inc(len(batch.records))
        if batch.skipped:
            metrics.SKIPPED.labels(batch.topic).inc(len(batch.skipped))
            log.debug(
                "records_skipped", topic=batch.topic, ce_types=sorted(set(batch.skipped)), count=len(batch.skipped)
            )
        return True

    async def _attempt(self, batch: Batch) -> bool:
        try:
            with batch_span(batch):
                await self._settler.settle(batch)
        except Exception as error:
            log.warning(
                "batch_postponed",
                topic=batch.topic,
                partition=batch.partition,
                first_offset=batch.first_offset,
                records=len(batch.records),
                error=describe(error),
                exc_info=None if classify(error) == "retry" else error,
            )
            return False
        return True

    async def _acknowledge(self) -> None:
        """Commit the offset. Where that fails the next commit includes it, or the records come again and are repeats."""
        offset = self._acknowledge_up_to
        if offset is None:
            return
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await self._source.commit(self.partition, offset)
        except Exception as error:  # noqa: BLE001 - the effect stands; the membership's loop sees what is wrong
            log.warning(
                "acknowledgement_failed",
                topic=self.partition.topic,
                partition=self.partition.number,
                offset=offset,
                error=describe(error),
            )
        else:
            self._acknowledge_up_to = None

    async def _drained_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._draining.wait()
        except TimeoutError:
            return False
        return True
