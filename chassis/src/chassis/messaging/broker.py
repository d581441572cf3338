"""What every client of the broker needs: how to reach it, and how to end what does not end by itself."""

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.helpers import create_ssl_context

from chassis.settings import KafkaSettings

MEBIBYTE = 1_048_576
REQUEST_TIMEOUT_MS = 10_000


async def partitions_of(kafka: KafkaSettings, topics: Collection[str], *, seconds: float) -> dict[str, int]:
    """How many partitions each of these topics has at the broker; a missing one has none. Raises when nobody answers.

    It asks for every topic: asking by name would make a missing one where the broker creates topics by itself.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.kafka_bootstrap, client_id="doctor", **security(kafka))
    try:
        async with asyncio.timeout(seconds):
            await admin.start()
            there = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    finally:
        await ends_within(admin.close(), 1)
    return {topic: there.get(topic, 0) for topic in topics}


async def ends_within(work: Coroutine[Any, Any, Any], seconds: float) -> bool:
    """Run `work` in a task of its own for at most `seconds`; its failure or cancellation counts as an end."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        ended = task.done()
        task.cancel()
    return ended


def cancel(task: "asyncio.Task[Any] | None") -> None:
    """Cancel it; its end, whatever it is, counts as seen."""
    if task is not None:
        task.cancel()
        task.add_done_callback(lambda done: done.cancelled() or done.exception())


def security(kafka: KafkaSettings) -> dict[str, Any]:
    if not (kafka.kafka_ca_file or kafka.kafka_cert_file):
        return {"security_protocol": "PLAINTEXT"}
    context = create_ssl_context(
        cafile=_text(kafka.kafka_ca_file), certfile=_text(kafka.kafka_cert_file), keyfile=_text(kafka.kafka_key_file)
    )
    return {"security_protocol": "SSL", "ssl_context": context}


def _text(path: object) -> str | None:
    return None if path is None else str(path)
