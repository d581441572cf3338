"""The way onto the bus: each record confirmed by all replicas, or an error within a bounded time."""

import asyncio
import contextlib
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from kundenportal_contracts.publish.errors import BusUnavailable, PublishFailed

START_SECONDS = 10.0
# A broker that was killed comes back within this time.
REQUEST_SECONDS = 20.0
CONFIRMATION_SECONDS = 30.0
STOP_SECONDS = 10.0
ABANDON_SECONDS = 1.0
# Small records travel together; a full batch stays well below what the topics take.
BATCH_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Sender(Protocol):
    """Whoever brings records to the broker."""

    async def start(self) -> None: ...

    async def send(self, record: OutgoingRecord) -> None:
        """Return when the broker has it; PublishFailed when it did not confirm in time."""
        ...

    async def stop(self) -> None: ...


class KafkaSender:
    """An aiokafka producer whose every call ends.

    It is not idempotent in Kafka's sense, because that mode retries for ever while the broker is down. A retry that
    doubles a record is harmless: readers know an event by its id.
    """

    def __init__(self, bootstrap: str, ssl: SSLContext | None, *, stop_seconds: float = STOP_SECONDS) -> None:
        self._bootstrap = bootstrap
        self._ssl = ssl
        self._stop_seconds = stop_seconds
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            max_batch_size=BATCH_BYTES,
            security_protocol="SSL" if self._ssl else "PLAINTEXT",
            ssl_context=self._ssl,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._producer.start()
        except (KafkaError, TimeoutError, OSError, ValueError):
            await self.stop()
            raise BusUnavailable(f"no Kafka broker answers at {self._bootstrap}") from None
        except BaseException:
            await self.stop()
            raise

    async def send(self, record: OutgoingRecord) -> None:
        if self._producer is None:
            raise BusUnavailable("the publisher is not open: use it as `async with BillingPublisher(…)`")
        try:
            async with asyncio.timeout(CONFIRMATION_SECONDS):
                await self._producer.send_and_wait(
                    record.topic, key=record.key, value=record.value, headers=record.headers
                )
        except UnknownTopicOrPartitionError:
            raise BusUnavailable(f"there is no topic {record.topic}: kundenportal-contracts topics --apply") from None
        except (TopicAuthorizationFailedError, ClusterAuthorizationFailedError):
            raise BusUnavailable(f"the broker does not let this client write to {record.topic}") from None
        except MessageSizeTooLargeError:
            raise PublishFailed(f"the record is larger than {record.topic} takes") from None
        except (KafkaError, TimeoutError) as error:
            raise BusUnavailable(
                f"the broker at {self._bootstrap} did not confirm the record ({type(error).__name__}); it may still arrive"
            ) from None

    async def stop(self) -> None:
        """Close the connections; unconfirmed records get a last chance of bounded length, and are not said later."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(self._stop_seconds):
                await producer.stop()
        except (TimeoutError, KafkaError):
            await _abandon(producer)


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Disconnect without writing anything more; what was under way may still arrive."""
    _fail_all(producer._message_accumulator)  # noqa: SLF001 - nothing public does
    task = producer._sender.sender_task  # noqa: SLF001 - nothing public stops it
    if task is not None:
        task.cancel()
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
    with contextlib.suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(ABANDON_SECONDS):
            await producer.client.close()
    if task is not None:
        await asyncio.wait({task}, timeout=ABANDON_SECONDS)
        # Cancelled once it waits for its requests, cancelled again it does not.
        task.cancel()
        await asyncio.wait({task}, timeout=ABANDON_SECONDS)


def _fail_all(accumulator: Any) -> None:
    """Answer everybody who waits for a record; a batch also fails its own future, which nobody looks at."""
    batches = [batch for queued in accumulator._batches.values() for batch in queued]  # noqa: SLF001 - as above
    accumulator.fail_all(KafkaError("the producer was given up"))
    for batch in batches:
        batch._drain_waiter.exception()  # noqa: SLF001 - else asyncio complains that it was never seen
