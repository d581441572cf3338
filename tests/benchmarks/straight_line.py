"""B3's raw limit: consume, decode, hash, put, insert, produce, with no promise kept.

No validation, no inspection, no inbox, no outbox, no order, one autocommitted insert a document, offsets committed by a
timer. 32 records at a time, as many as documents has in hand. Speaks the same client libraries on the same event loop.
"""

import asyncio
import base64
import hashlib
import json
import os
from typing import Any
from uuid import uuid4

import asyncpg
import obstore
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from obstore.store import S3Store

TABLE = """
CREATE TABLE IF NOT EXISTS document (
    id uuid PRIMARY KEY, customer_number text NOT NULL, document_number text NOT NULL, sha256 text NOT NULL,
    object_key text NOT NULL, size bigint NOT NULL, published_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (customer_number, document_number))
"""
INSERT = (
    "INSERT INTO document (id, customer_number, document_number, sha256, object_key, size) VALUES ($1,$2,$3,$4,$5,$6)"
)
AT_ONCE = 32


class Line:
    def __init__(self, store: S3Store, pool: Any, producer: Any, topic: str) -> None:
        self.store, self.pool, self.producer, self.topic = store, pool, producer, topic
        self.slots = asyncio.Semaphore(AT_ONCE)

    async def take(self, record: Any) -> None:
        async with self.slots:
            data = json.loads(record.value)
            content = base64.b64decode(data["content"]["inline"])
            sha256 = hashlib.sha256(content).hexdigest()
            if sha256 != data["sha256"]:
                raise ValueError("the content has another SHA-256")
            id_, customer, number = uuid4(), data["customer_number"], data["document_number"]
            key = f"{customer}/{sha256}/{id_}"
            await obstore.put_async(self.store, key, content, use_multipart=False)
            await self.pool.execute(INSERT, id_, customer, number, sha256, key, len(content))
            said = {"document_id": str(id_), "customer_number": customer, "document_number": number, "object_key": key}
            await self.producer.send_and_wait(self.topic, json.dumps(said).encode(), customer.encode())


async def main(settings: dict[str, str]) -> None:
    store = S3Store(
        settings["bucket"],
        endpoint=settings["s3_endpoint"],
        access_key_id=settings["access_key"],
        secret_access_key=settings["secret_key"],
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    bootstrap = settings["bootstrap"]
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    reader = AIOKafkaConsumer(
        settings["from"],
        bootstrap_servers=bootstrap,
        group_id="straight-line",
        auto_offset_reset="earliest",
        fetch_max_bytes=16 * 1_048_576,
        max_partition_fetch_bytes=4 * 1_048_576,
    )
    async with asyncpg.create_pool(settings["database"], min_size=6, max_size=6) as pool:
        await pool.execute(TABLE)
        await producer.start()
        await reader.start()
        line = Line(store, pool, producer, settings["to"])
        while True:
            found = await reader.getmany(timeout_ms=1000, max_records=500)
            await asyncio.gather(*(line.take(record) for records in found.values() for record in records))


if __name__ == "__main__":
    uvloop.run(main(json.loads(os.environ["STRAIGHT_LINE"])))
