"""The end of billing's connection: bounded, and nothing is left running behind it."""

import asyncio
import gc
import struct
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.api import Response
from aiokafka.protocol.metadata import MetadataResponse_v1
from aiokafka.structs import TopicPartition

from kundenportal_contracts.publish.kafka_sender import KafkaSender, OutgoingRecord, _abandon

PRODUCE, METADATA, API_VERSIONS = 0, 3, 18
TOPIC = "billing.documents.v1"
RECORD = OutgoingRecord(TOPIC, b"4711", b"{}", [])


class SilentBroker:
    """Speaks enough Kafka to be written to, and never answers what is written: a broker that hangs."""

    def __init__(self) -> None:
        self.port = 0
        self.was_written_to = asyncio.Event()
        self.open_connections = 0
        self.is_alone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        try:
            while True:
                [size] = struct.unpack(">i", await reader.readexactly(4))
                key, _version, correlation = struct.unpack(">hhi", (await reader.readexactly(size))[:8])
                if (answer := self.answer(key)) is not None:
                    body = struct.pack(">i", correlation) + answer.encode()
                    writer.write(struct.pack(">i", len(body)) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.open_connections -= 1
            if not self.open_connections:
                self.is_alone.set()
        finally:
            writer.close()

    def answer(self, key: int) -> Response | None:
        if key == API_VERSIONS:
            return ApiVersionResponse_v0(0, [(PRODUCE, 0, 3), (METADATA, 0, 1), (API_VERSIONS, 0, 0)])
        if key == METADATA:
            topic = (0, TOPIC, False, [(0, 0, 1, [1], [1])])
            return MetadataResponse_v1([(1, "127.0.0.1", self.port, None)], 1, [topic])
        self.was_written_to.set()
        return None


@pytest.fixture
async def silent_broker() -> AsyncIterator[SilentBroker]:
    broker = SilentBroker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    yield broker
    server.close()
    await server.wait_closed()


async def test_a_broker_that_hangs_is_left_behind(silent_broker: SilentBroker) -> None:
    """Closing gives what is unconfirmed its last chance, then no task and no connection is left to say it later."""
    before = asyncio.all_tasks()
    sender = KafkaSender(f"127.0.0.1:{silent_broker.port}", None, stop_seconds=0.2)
    await sender.start()
    saying = asyncio.create_task(sender.send(RECORD))
    await asyncio.wait_for(silent_broker.was_written_to.wait(), 5)
    saying.cancel()
    silent_broker.is_alone.clear()
    started = time.monotonic()
    await sender.stop()
    assert time.monotonic() - started < 3
    await asyncio.wait_for(silent_broker.is_alone.wait(), 5)
    await asyncio.sleep(0)
    assert {task.get_coro() for task in asyncio.all_tasks() - before} == set()


async def test_what_is_given_up_leaves_nothing_unseen() -> None:
    """A record that was never sent fails for who waits for it, and asyncio complains of no other failure."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    producer = AIOKafkaProducer(bootstrap_servers="nowhere:1")
    accumulator = producer._message_accumulator
    future = await accumulator.add_message(TopicPartition(TOPIC, 0), b"4711", b"{}", 1)
    await _abandon(producer)
    producer._closed = True
    assert "given up" in str(future.exception())
    del producer, accumulator, future
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []
