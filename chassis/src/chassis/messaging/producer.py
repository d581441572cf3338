"""Writing to the bus with an answer for each message, within a time limit of our own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, Protocol

from chassis.logs import get_logger
from chassis.messaging.clients import (
    CLOSED,
    REFUSALS,
    KafkaError,
    Message,
    MessageRefused,
    RawProducer,
    TopicMissing,
    ends_within,
)
from chassis.settings import KafkaSettings

SEND_SECONDS = 10.0
CLOSE_SECONDS = 1.5

log = get_logger()


class Connection(Protocol):
    """One connection to the broker for writing."""

    async def start(self) -> None: ...

    async def send(self, message: Message) -> "asyncio.Future[Any]": ...

    async def close(self, seconds: float) -> None: ...

    async def abandon(self) -> None: ...


class Answer(Enum):
    """What is known of one message; true where all replicas have it."""

    ACKNOWLEDGED = auto()
    UNKNOWN = auto()
    """Never, not yet, or yes with a lost answer."""
    REFUSED = auto()
    """Not written, and not to be written as it is: too large."""
    NO_TOPIC = auto()
    """Not written: there is no such topic, or no right to write there."""

    def __bool__(self) -> bool:
        return self is Answer.ACKNOWLEDGED


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

    async def send(self, messages: Sequence[Message]) -> list[Answer]:
        """Send all, pipelined, and say for each what is known of it.

        Messages with the same key keep their order as long as all are acknowledged. Raises nothing but cancellation;
        trouble is logged and shows in the answers.
        """
        futures: dict[int, asyncio.Future[Any]] = {}
        refused: dict[int, Answer] = {}
        try:
            async with asyncio.timeout(self._send_seconds):
                await self._queue(await self._open(), messages, futures, refused)
                if futures:
                    await asyncio.wait(futures.values())
        except (TimeoutError, OSError, KafkaError) as error:
            log.warning("messages_not_sent", error=type(error).__name__, messages=len(messages))
            await self._give_up(futures)
        except BaseException:
            await self._give_up(futures)
            raise
        answers = {**refused, **{place: _answer(future) for place, future in futures.items()}}
        if not all(answers[place] for place in futures):
            await self._give_up(futures)
        return [answers.get(place, Answer.UNKNOWN) for place in range(len(messages))]

    async def _queue(
        self,
        connection: Connection,
        messages: Sequence[Message],
        futures: dict[int, "asyncio.Future[Any]"],
        refused: dict[int, Answer],
    ) -> None:
        """Hand over all messages, topic beside topic, so that one that is missing holds up nobody else's."""
        by_topic: dict[str, list[int]] = {}
        for place, message in enumerate(messages):
            by_topic.setdefault(message.topic, []).append(place)

        async def queue(topic: str, places: Sequence[int]) -> None:
            for number, place in enumerate(places):
                try:
                    futures[place] = await connection.send(messages[place])
                except TopicMissing as error:
                    log.error("topic_missing", topic=topic, error=str(error), messages=len(places) - number)  # noqa: TRY400 - says it all
                    refused.update(dict.fromkeys(places[number:], Answer.NO_TOPIC))
                    return
                except MessageRefused as error:
                    log.error("message_refused", topic=topic, error=str(error))  # noqa: TRY400 - says it all
                    refused[place] = Answer.REFUSED

        tasks = [asyncio.ensure_future(queue(topic, places)) for topic, places in by_topic.items()]
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


def _answer(future: "asyncio.Future[Any]") -> Answer:
    if not future.done() or future.cancelled():
        return Answer.UNKNOWN
    error = future.exception()
    if error is None:
        return Answer.ACKNOWLEDGED
    if isinstance(error, REFUSALS):
        return Answer.REFUSED
    return Answer.NO_TOPIC if isinstance(error, CLOSED) else Answer.UNKNOWN
