"""The connection for writing, as far as it can be tried without a broker."""

import asyncio
import gc
from typing import Any

from aiokafka.structs import TopicPartition

from chassis.messaging.raw_producer import RawProducer
from chassis.settings import KafkaSettings


async def test_a_connection_that_is_given_up_leaves_nothing_unseen() -> None:
    """What no broker has taken fails for who holds its future, and for nobody else: no complaint reaches the log."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    connection = RawProducer(KafkaSettings(kafka_bootstrap="nowhere:1"), client_id="tests")
    accumulator = connection._producer._message_accumulator  # what `send` puts messages into once the topic is known
    future = await accumulator.add_message(TopicPartition("t", 0), b"k", b"v", 1)
    await connection.abandon()
    assert "given up" in str(future.exception())
    del connection, accumulator, future
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []
