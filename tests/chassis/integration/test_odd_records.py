import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from chassis.messaging.clients import Message
from chassis.telemetry import own_trace, trace_of
from tests.chassis.items import ITEMS, ItemLost, headers, message
from tests.chassis.odd_headers import LATIN_1, raw, send_raw
from tests.chassis.stand import DEAD_LETTERS, Stand, read_all, running
from tests.fixtures.broker import Broker
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration

CODECS = ["plain", "gzip", "snappy", "lz4", "zstd"]


@pytest_asyncio.fixture
async def stand(broker: Broker, postgres: PostgresServer) -> AsyncIterator[Stand]:
    await broker.create_topics([ITEMS, DEAD_LETTERS])
    async with Stand(postgres.create_database("odd"), broker.bootstrap) as stand:
        yield stand


def odd(item: str, value: bytes | None = None) -> Message:
    plain = message(item)
    return Message(plain.topic, plain.key, value or plain.value, (*plain.headers, (raw(LATIN_1), b"\xfe")))


@pytest.mark.parametrize(
    "trace", [b"\xff\xfe", b"00-\x00", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"x" * 9000]
)
async def test_a_trace_that_is_none_spoils_no_event(stand: Stand, broker: Broker, trace: bytes) -> None:
    """Whatever stands in traceparent, the record is filed, and what follows from it has a trace of its own."""
    await stand.send(Message(ITEMS.name, b"k", b'{"item":"a"}', headers(event_id="a", trace=trace)))
    async with running(stand.consumer(), stand.relay()):
        await stand.until_filed(["a"])
        records = await read_all(broker.bootstrap, ITEMS, expect=2)
    (said,) = [record for record in records if dict(record.headers)["ce_type"] == ItemLost.ce_type.encode()]
    assert trace_of(said.headers) == own_trace("tests/items", "a")


@pytest.mark.parametrize("compression", CODECS[1:])
async def test_what_any_client_compresses_is_taken(stand: Stand, broker: Broker, compression: str) -> None:
    """Every codec of Kafka, record by record and many in one batch, each once."""
    other = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, compression_type=compression, linger_ms=50)
    await other.start()
    async with running(stand.consumer()):
        try:
            for number in (1, 50):
                said = [message(f"{number}-{place}") for place in range(number)]
                await asyncio.gather(
                    *(
                        other.send_and_wait(each.topic, each.value, each.key, headers=list(each.headers))
                        for each in said
                    )
                )
        finally:
            await other.stop()
        await stand.until_filed(["1-0", *(f"50-{place}" for place in range(50))])
        await stand.until_acknowledged(51)


@pytest.mark.parametrize("compression", CODECS[1:])
async def test_what_java_compresses_is_taken(stand: Stand, broker: Broker, compression: str) -> None:
    """Billing's clients pack with other libraries than ours; so does a broker that is told to pack a topic itself."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    setting = {"compression.type": compression}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, ITEMS.name, setting)])
    await admin.close()
    items = [str(place) for place in range(100)]
    said = [message(item) for item in items]
    await stand.send(*(replace(each, value=(each.value or b"") + b" " * 5_000) for each in said))
    async with running(stand.consumer()):
        await stand.until_filed(items)
        await stand.until_acknowledged(len(items))


@pytest.mark.parametrize("compression", range(5), ids=CODECS)
async def test_a_header_name_that_is_not_utf8_blocks_nobody(stand: Stand, broker: Broker, compression: int) -> None:
    """Such a record is taken like any other, those around it in its batch and behind it too, each once."""
    async with running(stand.consumer()):
        await stand.send(message("before"))
        await send_raw(broker.bootstrap, message("a"), odd("b"), message("c"), odd("d"), compression=compression)
        await send_raw(broker.bootstrap, odd("e"))
        await stand.send(message("f"))
        await stand.until_filed(["a", "b", "before", "c", "d", "e", "f"])
        await stand.until_acknowledged(7)


@pytest.mark.parametrize("compression", CODECS[1:])
async def test_poison_that_unpacks_to_more_than_a_letter_holds_blocks_nobody(
    stand: Stand, broker: Broker, compression: str
) -> None:
    """A few kilobytes on the wire, 3 MB for a reader: its beginning becomes a letter, what is behind it is filed."""
    value = b'{"item": "' + b"x" * 3_000_000
    other = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, compression_type=compression, max_request_size=2**23, max_batch_size=2**23
    )
    await other.start()
    try:
        await other.send_and_wait(ITEMS.name, value, b"big", partition=0, headers=list(headers()))
    finally:
        await other.stop()
    await send_raw(broker.bootstrap, message("good"))
    async with running(stand.consumer()):
        await stand.until_filed(["good"])
        await stand.until_acknowledged(2)
        (letter,) = await read_all(broker.bootstrap, DEAD_LETTERS, expect=1)
    assert letter.value == value[:65_536]
    assert dict(letter.headers)["dlq_truncated"] == f"value:{len(value)}:{sha256(value).hexdigest()}".encode()


async def test_poison_with_such_a_name_keeps_its_bytes(stand: Stand, broker: Broker) -> None:
    """The dead letter has key, value and header values as they came, and the name's bytes in a form that is UTF-8."""
    await send_raw(broker.bootstrap, odd("x", b"\xff not json"), message("good"))
    async with running(stand.consumer()):
        await stand.until_filed(["good"])
        (letter,) = await read_all(broker.bootstrap, DEAD_LETTERS, expect=1)
    assert (letter.key, letter.value) == (b"x", b"\xff not json")
    assert letter.headers[: len(headers())] == message("x").headers
    assert letter.headers[len(headers())] == (r"\xfcberschrift", b"\xfe")
    assert dict(letter.headers)["dlq_header_names"] == b"6:/GJlcnNjaHJpZnQ="
