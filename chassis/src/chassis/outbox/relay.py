"""Publishing what the outbox holds: read in order, sent, and forgotten once all replicas have it.

At least once: a crash between the broker's answer and the delete sends the row again, under the same ce_id. One relay
per database is active, any number stand by. It outlives restarts of PostgreSQL and of the broker.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from chassis.clock import Clock
from chassis.health import Health
from chassis.logs import get_logger
from chassis.messaging import metrics
from chassis.messaging.clients import Message
from chassis.messaging.producer import Answer, Producer, producer
from chassis.messaging.retry import back_off, classify, describe
from chassis.outbox.held import LeftOut, Waiting, hold
from chassis.outbox.parking import Parking
from chassis.outbox.progress import Progress
from chassis.settings import KafkaSettings
from chassis.telemetry import trace_id_of

ROWS = 1000
BYTES = 4 * 1_048_576
POLL_SECONDS = 1.0
STANDBY_SECONDS = 1.0
STOP_SECONDS = 5.0
CUT_OFF_SECONDS = 2.0
SETTLED_AFTER_SECONDS = 10.0
log = get_logger()


class Held(Protocol):
    """The outbox in the hands of one relay."""

    async def try_lock(self) -> bool: ...

    async def read(self, after: int, *, rows: int, size: int, besides: LeftOut) -> list[Waiting]: ...

    async def forget(self, ids: Sequence[int]) -> None: ...


class Sends(Protocol):
    async def send(self, messages: Sequence[Message]) -> Sequence[Answer | bool]: ...

    async def close(self) -> None: ...


Hold = Callable[[Callable[[], None]], AbstractAsyncContextManager[Held]]


class Relay:
    """A component: `run` until `stop`, which takes 11 s at most, also with everything else down."""

    name = "outbox_relay"

    def __init__(
        self,
        database_url: str,
        kafka: KafkaSettings,
        *,
        health: Health,
        clock: Clock,
        sender: Sends | None = None,
        holder: Hold | None = None,
    ) -> None:
        self._holder: Hold = holder or (lambda on_wake: hold(database_url, on_wake))
        self._sender: Sends = sender or _producer(kafka)
        self._health = health
        self._clock = clock
        self._stop = asyncio.Event()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        work = asyncio.create_task(self._work())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({work}, timeout=STOP_SECONDS)
            if work.done():
                work.result()
        finally:
            stopped.cancel()
            work.cancel()
            await asyncio.wait({work}, timeout=CUT_OFF_SECONDS)
            self._health.forget(self.name)
            await self._sender.close()

    def stop(self) -> None:
        self._stop.set()
        self._woken.set()

    async def _work(self) -> None:
        waits = _waits()
        while not self._stop.is_set():
            self._health.heartbeat(self.name)
            began = self._clock.monotonic()
            try:
                async with self._holder(self._woken.set) as held:
                    if await self._become_active(held):
                        await self._publish(held)
            except Exception as error:
                metrics.RELAY_FAILURES.inc()
                log.warning(
                    "outbox_relay_interrupted",
                    error=describe(error),
                    exc_info=None if classify(error) == "retry" else error,
                )
            finally:
                metrics.RELAY_ACTIVE.set(0)
            if self._clock.monotonic() - began > SETTLED_AFTER_SECONDS:
                waits = _waits()
            await self._pause(next(waits))

    async def _become_active(self, held: Held) -> bool:
        while not self._stop.is_set():
            if await held.try_lock():
                metrics.RELAY_ACTIVE.set(1)
                log.info("outbox_relay_active")
                return True
            self._health.heartbeat(self.name)
            await self._pause(STANDBY_SECONDS)
        return False

    async def _publish(self, held: Held) -> None:
        progress, parking = Progress(self._clock), Parking(self._clock)
        waits = _waits()
        while not self._stop.is_set():
            self._health.heartbeat(self.name)
            self._woken.clear()
            with progress.reading() as after:
                rows = await held.read(after, rows=ROWS, size=BYTES, besides=parking.left_out())
            if not rows:
                await self._wait(parking.seconds_left(POLL_SECONDS))
                continue
            answers = await self._sender.send([row.message for row in rows])
            parking.judge(rows, answers)
            acknowledged = [row for row, answer in zip(rows, answers, strict=True) if answer]
            if acknowledged:
                await held.forget([row.id for row in acknowledged])
                _tell(acknowledged)
                progress.forgotten(acknowledged)
                waits = _waits()
            else:
                metrics.RELAY_FAILURES.inc()
                progress.sweep_next()
                await self._pause(next(waits))

    async def _wait(self, seconds: float) -> None:
        """Until rows are committed, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _pause(self, seconds: float) -> None:
        """So long, whatever is committed meanwhile; cut short by `stop` alone."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


def _tell(published: Sequence[Waiting]) -> None:
    for row in published:
        message = row.message
        metrics.PUBLISHED.labels(message.topic).inc()
        said = dict(message.headers)
        log.info(
            "event_published",
            ce_type=_text(said, "ce_type"),
            ce_id=_text(said, "ce_id"),
            topic=message.topic,
            trace_id=trace_id_of(message.headers),
        )


def _text(headers: Mapping[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")


def _producer(kafka: KafkaSettings) -> Producer:
    return producer(kafka, client_id="outbox-relay")


def _waits() -> Iterator[float]:
    return back_off(0.2, 3.0)
