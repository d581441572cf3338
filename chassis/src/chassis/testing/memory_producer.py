"""A connection for writing in memory, in place of `RawProducer`."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from chassis.messaging.clients import KafkaError, Message, MessageRefused, TopicMissing

if TYPE_CHECKING:
    from chassis.testing.memory_broker import MemoryBroker

REQUEST_BYTES = 2 * 1_048_576


class MemoryConnection:
    """Messages arrive in the order in which they were sent, each once, and are answered when they are written.

    With the broker down a send is accepted and answered once it is back. Given up, it drops what it still holds; what
    was under way by then arrives all the same, perhaps behind messages of the next connection. `abandoned` tells a test.
    """

    def __init__(self, broker: "MemoryBroker") -> None:
        self.abandoned = False
        self._broker = broker
        self._held: deque[tuple[Message, asyncio.Future[Any]]] = deque()
        self._under_way: deque[tuple[Message, asyncio.Future[Any]]] = deque()

    async def start(self) -> None:
        """Raises KafkaError where no broker is there."""
        self._broker.check()
        await self._broker.travel()

    async def send(self, message: Message) -> "asyncio.Future[Any]":
        """Queue a message; the future is done when it is written. Raises MessageRefused for what no client sends.

        Cancelled, it has queued nothing.
        """
        size = len(message.key or b"") + len(message.value or b"")
        if size > REQUEST_BYTES or (message.key is None and message.value is None):
            raise MessageRefused("too large, or neither key nor value")
        if self._broker.strict and not self._broker.partitions(message.topic):
            raise TopicMissing(message.topic)
        await self._broker.travel()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._broker.down or self._held:
            self._held.append((message, answer))
            self._broker.once_back(self._release)
        else:
            self._dispatch(message, answer)
        return answer

    def _dispatch(self, message: Message, answer: "asyncio.Future[Any]") -> None:
        self._under_way.append((message, answer))
        self._broker.carry(self._arrive, delay=self._broker.delay_messages)

    def _release(self) -> None:
        held, self._held = self._held, deque()
        for message, answer in held:
            self._dispatch(message, answer)

    def _arrive(self) -> None:
        """One message more has come as far as the broker: the oldest one, whatever the times of travel."""
        message, answer = self._under_way.popleft()
        if self._broker.down:
            if not self.abandoned:
                self._held.append((message, answer))
                self._broker.once_back(self._release)
            return
        self._broker.write(message, answer)

    async def close(self, seconds: float) -> None:
        """Write out what is queued, within `seconds`."""
        waiting = {answer for _, answer in (*self._held, *self._under_way) if not answer.done()}
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)
        await self.abandon()

    async def abandon(self) -> None:
        self.abandoned = True
        held, self._held = self._held, deque()
        for _, answer in (*held, *self._under_way):
            if not answer.done():
                answer.set_exception(KafkaError("the producer was given up"))
                answer.exception()
