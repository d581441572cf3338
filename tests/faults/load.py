"""Billing under load: small real PDFs, repeats, corrections, withdrawals and bad records, at a bounded rate.

An event is handed over again, the same one, until the broker has acknowledged it; then it stands in the history.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from chassis.messaging.clients import ends_within
from tests.faults.history import History, Issued, Place, Poison, Withdrawn
from tests.fixtures import papers
from tests.fixtures.bus import SOURCE, Data, headers, invoice

TOPIC = "billing.documents.v1"
ISSUED, WITHDRAWN = "billing.DocumentIssued.v1", "billing.DocumentWithdrawn.v1"
CONFIRMED_SECONDS = 8.0
AGAIN_SECONDS = 0.2
AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Mix:
    """Which share of the documents is handed over twice, is corrected by other bytes, is withdrawn, or is none at all."""

    repeated: float = 0.1
    corrected: float = 0.05
    withdrawn: float = 0.03
    poison: float = 0.03


PLAIN = Mix(0, 0, 0, 0)


@cache
def _paper() -> bytes:
    return papers.pdf("Rechnung")


def small_pdf(text: str) -> bytes:
    """A real one-page PDF, different for each text, at no cost: readers pass over what follows its end."""
    return _paper() + f"\n% {text}\n".encode()


class Billing:
    """An async context manager that says things on the bus until they are acknowledged; may be used by many tasks."""

    def __init__(self, bootstrap: str, history: History) -> None:
        self._bootstrap, self._history = bootstrap, history
        self._producer: Any = None
        self._starting = asyncio.Lock()

    async def issue(
        self,
        customer: str,
        number: str,
        content: bytes,
        *,
        ce_id: str | None = None,
        ce_time: str | None = None,
        **changed: Any,
    ) -> Issued:
        data = invoice(customer, number, content, **changed)
        ce_id, ce_time = ce_id or str(uuid4()), ce_time or _now()
        place = await self.say(TOPIC, ISSUED, data, ce_id, ce_time)
        given = Issued(customer, number, str(data["sha256"]), ce_id, ce_time, place)
        self._history.acknowledged(given)
        return given

    async def withdraw(
        self, customer: str, number: str, *, ce_id: str | None = None, ce_time: str | None = None
    ) -> Withdrawn:
        data = {"customer_number": customer, "document_number": number, "reason": "Irrtum"}
        ce_id, ce_time = ce_id or str(uuid4()), ce_time or _now()
        place = await self.say(TOPIC, WITHDRAWN, data, ce_id, ce_time)
        given = Withdrawn(customer, number, ce_id, ce_time, place)
        self._history.acknowledged(given)
        return given

    async def poison(
        self, expected_reason: str, value: bytes | None, key: str = "4711", *, ce_type: str = ISSUED
    ) -> Poison:
        """A record on billing's topic that nobody can take."""
        ce_id = str(uuid4())
        place = await self.raw(TOPIC, key.encode(), value, headers(ce_type, ce_id))
        given = Poison(expected_reason, ce_id, place)
        self._history.acknowledged(given)
        return given

    async def say(
        self,
        topic: str,
        ce_type: str,
        data: Data,
        ce_id: str,
        ce_time: str | None = None,
        *,
        key: str = "",
        source: str = SOURCE,
    ) -> Place:
        """Any event, without a line in the history."""
        value = json.dumps(data, ensure_ascii=False).encode()
        told = headers(ce_type, ce_id, ce_time=ce_time or _now(), ce_source=source)
        return await self.raw(topic, (key or str(data["customer_number"])).encode(), value, told)

    async def raw(self, topic: str, key: bytes | None, value: bytes | None, told: Sequence[tuple[str, bytes]]) -> Place:
        """Any record, handed over until the broker has it; where it then stands."""
        while True:
            try:
                async with asyncio.timeout(CONFIRMED_SECONDS):
                    producer = await self._open()
                    done = await producer.send_and_wait(topic, value, key, headers=list(told))
            except (KafkaError, TimeoutError, OSError):
                await self._give_up(self._producer)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return done.topic, done.partition, done.offset

    async def _open(self) -> Any:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap, acks="all", max_request_size=2**21, request_timeout_ms=5_000
                )
                try:
                    await producer.start()
                except BaseException:
                    await ends_within(producer.stop(), 1)
                    raise
                self._producer = producer
            return self._producer

    async def _give_up(self, producer: Any) -> None:
        """Whoever notices first throws the connection away; what was under way on it is said again by its speaker."""
        if producer is not None and producer is self._producer:
            self._producer = None
            if not await ends_within(producer.stop(), 1):
                await ends_within(producer.client.close(), 1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await ends_within(producer.stop(), 5)


async def hand_over(
    billing: Billing,
    *,
    documents: int,
    per_second: float,
    seed: int,
    customers: Sequence[str],
    mix: Mix,
    prefix: str = "R",
    until: asyncio.Event | None = None,
) -> None:
    """So many documents at this rate, the choices made by the seed; returns when all are acknowledged.

    Once `until` is set no further document is begun.
    """
    chance = random.Random(seed)
    slots = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(documents):
            await asyncio.sleep(max(0.0, began + number / per_second - loop.time()))
            await slots.acquire()
            if until is not None and until.is_set():
                break
            task = group.create_task(
                _one(billing, f"{prefix}{number:06}", chance.choice(customers), random.Random(chance.random()), mix)
            )
            task.add_done_callback(lambda _done: slots.release())


async def _one(billing: Billing, number: str, customer: str, chance: random.Random, mix: Mix) -> None:
    """The life of one document as billing tells it."""
    if chance.random() < mix.poison:
        await _poison(billing, customer, number, chance)
    content = small_pdf(f"{customer} {number}")
    first = await billing.issue(customer, number, content)
    if chance.random() < mix.repeated:
        if chance.random() < 0.5:
            await billing.issue(customer, number, content, ce_id=first.ce_id, ce_time=first.ce_time)
        else:
            await billing.issue(customer, number, content)
    if chance.random() < mix.corrected:
        await billing.issue(customer, number, small_pdf(f"{customer} {number} korrigiert"))
    if chance.random() < mix.withdrawn:
        await billing.withdraw(customer, number)


async def _poison(billing: Billing, customer: str, number: str, chance: random.Random) -> None:
    bad = invoice(customer, f"{number}-bad", small_pdf(number), sha256="0" * 64)
    kinds = [("malformed_event", b"\x00no JSON"), ("hash_mismatch", json.dumps(bad).encode())]
    reason, value = chance.choice(kinds)
    await billing.poison(reason, value, customer)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
