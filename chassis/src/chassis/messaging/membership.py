"""One membership in the consumer group, from joining to leaving: a worker for each partition that is assigned."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.messaging.clients import Place
from chassis.messaging.lag import LagWatch
from chassis.messaging.partition import PartitionWorker, RecordSource
from chassis.messaging.subscriptions import Partition

TICK_SECONDS = 1.0
START_SECONDS = 60.0
# Shorter than the session timeout of 10 s: draining never costs the membership.
DRAIN_SECONDS = 5.0
CUT_OFF_SECONDS = 1.5
LEAVE_SECONDS = 2.0

log = get_logger()


class Member(RecordSource, Protocol):
    """The client's side of a membership."""

    async def start(self) -> None: ...

    async def touch(self) -> None: ...

    async def places(self, partitions: Collection[Partition]) -> dict[Partition, Place]: ...

    async def close(self, seconds: float) -> None: ...


class MembershipEnded(Exception):
    """The membership cannot go on; another one may."""


class Membership:
    """Used once: `run` joins, supervises and leaves, and raises what ended it before its time."""

    def __init__(
        self,
        worker: Callable[[Partition, RecordSource], PartitionWorker],
        *,
        stop: asyncio.Event,
        beat: Callable[[], None],
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self._worker = worker
        self._stop = stop
        self._beat = beat
        self._drain_seconds = drain_seconds
        self._workers: dict[PartitionWorker, asyncio.Task[None]] = {}
        self._draining = asyncio.Lock()
        self._member: Member | None = None
        self._lag = LagWatch(lambda: self._workers)

    async def run(self, member: Member) -> None:
        """Consume until `stop`; then let the batches at hand end, and leave: at most 10 s after the request."""
        self._member = member
        stopped = asyncio.create_task(self._stop.wait())
        measuring = asyncio.create_task(self._lag.run(member.places))
        try:
            await self._join(member, stopped)
            with metrics.JOINED.track_inprogress():
                while not stopped.done():
                    self._beat()
                    await member.touch()
                    self._watch()
                    await _first_of({stopped, *self._workers.values()}, TICK_SECONDS)
        finally:
            stopped.cancel()
            measuring.cancel()
            self._member = None
            await self.drain()
            await member.close(LEAVE_SECONDS)

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Start a worker for each partition; those of the assignment before have been drained."""
        if self._member is None:
            return
        log.info("partitions_assigned", partitions=[f"{topic}/{number}" for topic, number in sorted(partitions)])
        for partition in partitions:
            worker = self._worker(partition, self._member)
            self._workers[worker] = asyncio.create_task(worker.run(), name=f"{partition.topic}/{partition.number}")

    async def drain(self) -> None:
        """End all workers: idle ones at once, busy ones after their batch or, when that takes too long, in its midst.

        A batch that is cut off is rolled back and not acknowledged; whoever gets the partition next does it again.
        """
        async with self._draining:
            workers, self._workers = self._workers, {}
            self._lag.forget()
            for worker, task in workers.items():
                worker.drain()
                if not worker.busy:
                    task.cancel()
            await _all_of(workers.values(), self._drain_seconds)
            for worker, task in workers.items():
                if not task.done():
                    log.warning("batch_cut_off", topic=worker.partition.topic, partition=worker.partition.number)
                    task.cancel()
            await _all_of(workers.values(), CUT_OFF_SECONDS)

    async def _join(self, member: Member, stopped: "asyncio.Task[bool]") -> None:
        joining = asyncio.create_task(member.start())
        joining.add_done_callback(_look_at)
        try:
            for _ in range(round(START_SECONDS / TICK_SECONDS)):
                await _first_of({joining, stopped}, TICK_SECONDS)
                self._beat()
                if joining.done() or stopped.done():
                    break
        finally:
            joining.cancel()
        if stopped.done():
            return
        if not joining.done() or joining.cancelled():
            raise MembershipEnded(f"not admitted to the group within {START_SECONDS:g} s")
        joining.result()

    def _watch(self) -> None:
        for task in self._workers.values():
            if task.done():
                raise MembershipEnded(task.get_name()) from (None if task.cancelled() else task.exception())
        self._lag.look()


def _look_at(task: "asyncio.Task[None]") -> None:
    """Its failure has been seen, whoever asks."""
    if not task.cancelled():
        task.exception()


async def _first_of(tasks: "set[asyncio.Task[bool] | asyncio.Task[None]]", seconds: float) -> None:
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


async def _all_of(tasks: "Iterable[asyncio.Task[None]]", seconds: float) -> None:
    running = {task for task in tasks if not task.done()}
    for task in running:
        task.add_done_callback(_look_at)
    if running:
        await asyncio.wait(running, timeout=seconds)
