"""Writing to the bus with an answer for each message, within a time limit of our own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from chassis.logs import get_logger
from chassis.messaging.clients import KafkaError, Message, MessageRefused, RawProducer, ends_within
from chassis.settings import KafkaSettings

SEND_SECONDS = 10.0
CLOSE_SECONDS = 3.0

log = get_logger()


class Connection(Protocol):
    """One connection to the broker for writing."""

    async def start(self) -> None: ...

    async def send(self, message: Message) -> "asyncio.Future[Any]": ...

    async def close(self, seconds: float) -> None: ...

    async def abandon(self) -> None: ...


class NotSent(Exception):
    """At least one message was not acknowledged in time."""


class Producer:
    """A connection that is made when it is first needed and made anew after any failure.

    After a time-out aiokafka would go on trying and deliver later, behind what was sent since; so the connection is
    given up with what it holds. The order of messages may then repeat; none is lost as long as the caller keeps it.
    Used by one task at a time.
    """

    def __init__(self, connect: Callable[[], Connection], *, send_seconds: float = SEND_SECONDS) -> None:
        self._connect = connect
        self._send_seconds = send_seconds
        self._connection: Connection | None = None

    async def send(self, messages: Sequence[Message]) -> list[bool]:
        """Send all, pipelined, and say for each whether all replicas have it.

        False means unknown: never, not yet, or yes with a lost answer. Messages with the same key keep their order as
        long as all are acknowledged. Raises nothing but cancellation; trouble is logged and shows in the answers.
        """
        futures: dict[int, asyncio.Future[Any]] = {}
        try:
            async with asyncio.timeout(self._send_seconds):
                await self._queue(await self._open(), messages, futures)
                if futures:
                    await asyncio.wait(futures.values())
        except (TimeoutError, OSError, KafkaError) as error:
            log.warning("messages_not_sent", error=type(error).__name__, messages=len(messages))
            await self._give_up(futures)
        except BaseException:
            await self._give_up(futures)
            raise
        if not all(_acknowledged(future) for future in futures.values()):
            await self._give_up(futures)
        return [place in futures and _acknowledged(futures[place]) for place in range(len(messages))]

    async def _queue(
        self, connection: Connection, messages: Sequence[Message], futures: dict[int, "asyncio.Future[Any]"]
    ) -> None:
        """Hand over all messages, topic beside topic, so that one that is missing holds up nobody else's."""
        by_topic: dict[str, list[int]] = {}
        for place, message in enumerate(messages):
            by_topic.setdefault(message.topic, []).append(place)

        async def queue(places: Sequence[int]) -> None:
            for place in places:
                try:
                    futures[place] = await connection.send(messages[place])
                except MessageRefused:
                    log.exception("message_refused", topic=messages[place].topic)

        tasks = [asyncio.ensure_future(queue(places)) for places in by_topic.values()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def close(self) -> None:
        """Disconnect within a few seconds, whatever the broker does."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(CLOSE_SECONDS)

    async def _open(self) -> Connection:
        if self._connection is None:
            connection = self._connect()
            try:
                await connection.start()
            except BaseException:
                await ends_within(connection.abandon(), CLOSE_SECONDS)
                raise
            self._connection = connection
        return self._connection

    async def _give_up(self, futures: Mapping[int, "asyncio.Future[Any]"]) -> None:
        for future in futures.values():
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        connection, self._connection = self._connection, None
        if connection is not None:
            await ends_within(connection.abandon(), CLOSE_SECONDS)


def producer(kafka: KafkaSettings, *, client_id: str, send_seconds: float = SEND_SECONDS) -> Producer:
    """A producer for this broker: acks=all, idempotent, requests up to 2 MiB."""
    return Producer(lambda: RawProducer(kafka, client_id=client_id), send_seconds=send_seconds)


def _acknowledged(future: "asyncio.Future[Any]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
