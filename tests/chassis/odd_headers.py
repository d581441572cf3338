"""Records with header names that are not UTF-8: clients in other languages can write them, aiokafka cannot."""

from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from chassis.messaging.clients import Message

LATIN_1 = "überschrift".encode("latin-1")
ON_ARRIVAL = LATIN_1.decode("utf-8", "surrogateescape")


class Raw(str):
    """A header's name that is encoded as the bytes it was made of."""

    __slots__ = ("raw",)
    raw: bytes

    def encode(self, *_: Any) -> bytes:
        return self.raw


def raw(name: bytes) -> str:
    made = Raw(name.decode("latin-1"))
    made.raw = name
    return made


async def send_raw(bootstrap: str, *messages: Message, partition: int = 0, compression: int = 0) -> None:
    """Write all of them as one batch, names of headers made by `raw` as they are."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, 0, 1_000_000)
        for each in messages:
            batch.append(timestamp=None, key=each.key, value=each.value, headers=list(each.headers))
        await (await producer.send_batch(batch, messages[0].topic, partition=partition))
    finally:
        await producer.stop()
