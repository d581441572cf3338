"""The consumer of a service: one member of one group for all its topics, for as long as the service runs.

A record is acknowledged after the commit of the transaction with its effect, so it arrives at least once. While the
broker or the database is away the consumer waits and comes back by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.health import Health
from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.messaging.clients import GroupMember
from chassis.messaging.membership import DRAIN_SECONDS, Member, Membership
from chassis.messaging.partition import PartitionWorker, RecordSource
from chassis.messaging.retry import back_off, describe
from chassis.messaging.settle import LetterBox, Settler
from chassis.messaging.subscriptions import Partition, Subscription
from chassis.settings import KafkaSettings

W = TypeVar("W")

REJOIN_FIRST_SECONDS = 0.2
REJOIN_MOST_SECONDS = 3.0
SETTLED_AFTER_SECONDS = 60.0
OPEN_TRANSACTIONS = 3

log = get_logger()


class Transactions(Protocol):
    """The database, as far as it is needed here."""

    def service_transaction(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


class ClosableLetterBox(LetterBox, Protocol):
    async def close(self) -> None: ...


class Connect(Protocol):
    def __call__(
        self,
        kafka: KafkaSettings,
        /,
        *,
        group: str,
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> Member: ...


class Consumer(Generic[W]):
    """A component: `run` until `stop`, which takes 12 s at most, also with a handler that hangs and the broker down.

    `work` makes what handlers write with, once for each transaction, from its connection. `parallel` bounds the
    transactions open at the same time, so that the pool has room for others; partitions go their own ways otherwise.
    A batch at hand has `drain_seconds` to end when the service stops or the partition goes to another member.
    """

    name = "consumer"

    def __init__(
        self,
        kafka: KafkaSettings,
        *,
        group: str,
        subscriptions: Sequence[Subscription[W]],
        database: Transactions,
        work: Callable[[AsyncConnection], W],
        dead_letters: ClosableLetterBox,
        health: Health,
        clock: Clock,
        parallel: int = OPEN_TRANSACTIONS,
        drain_seconds: float = DRAIN_SECONDS,
        connect: Connect = GroupMember,
    ) -> None:
        self._kafka = kafka
        self._group = group
        self._subscriptions = {subscription.topic.name: subscription for subscription in subscriptions}
        if len(self._subscriptions) != len(subscriptions):
            raise ValueError("a topic has one subscription")
        metrics.begin_at_zero(self._subscriptions)
        self._dead_letters = dead_letters
        self._health = health
        self._clock = clock
        self._connect = connect
        self._drain_seconds = drain_seconds
        self._stop = asyncio.Event()
        self._settler = Settler(
            begin=lambda: _begin(database, work),
            letter_box=dead_letters,
            clock=clock,
            permits=asyncio.Semaphore(parallel),
        )

    async def run(self) -> None:
        waits = _rejoin_waits()
        try:
            while not self._stop.is_set():
                began = self._clock.monotonic()
                try:
                    await self._belong()
                except Exception as error:
                    log.warning("consumer_left_group", group=self._group, error=describe(error), exc_info=error)
                if self._clock.monotonic() - began > SETTLED_AFTER_SECONDS:
                    waits = _rejoin_waits()
                await self._pause(next(waits))
        finally:
            self._health.forget(self.name)
            await self._dead_letters.close()

    def stop(self) -> None:
        self._stop.set()

    async def _belong(self) -> None:
        membership = Membership(self._worker, stop=self._stop, beat=self._beat, drain_seconds=self._drain_seconds)
        self._beat()
        await membership.run(
            self._connect(
                self._kafka,
                group=self._group,
                topics=self._subscriptions,
                on_assigned=membership.assigned,
                on_revoked=membership.drain,
            )
        )

    def _worker(self, partition: Partition, source: RecordSource) -> PartitionWorker:
        return PartitionWorker(
            partition,
            self._subscriptions[partition.topic],
            source=source,
            settler=self._settler,
            clock=self._clock,
        )

    def _beat(self) -> None:
        self._health.heartbeat(self.name)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


@asynccontextmanager
async def _begin(database: Transactions, work: Callable[[AsyncConnection], W]) -> AsyncIterator[W]:
    async with database.service_transaction() as connection:
        yield work(connection)


def _rejoin_waits() -> Iterator[float]:
    return back_off(REJOIN_FIRST_SECONDS, REJOIN_MOST_SECONDS)
