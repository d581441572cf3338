"""What an outage is measured by, from outside: memory and sessions before and after, progress, answers over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx2
from aiokafka.admin import AIOKafkaAdminClient

from chassis.principal import Principal
from tests.faults.process import Process
from tests.faults.stand import Stand

MEBIBYTE = 1_048_576
MEMORY_MEBIBYTES = 40
"""What the interpreter keeps after its first load; a leak of an outage is larger or grows."""
LOOK_SECONDS = 0.05
MANY = 1_000_000


OPEN_TRANSACTIONS = """
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'documents' AND state = 'idle in transaction'
"""


@dataclass(frozen=True)
class Resources:
    rss: Mapping[str, int]
    pools: Mapping[str, int]
    pids: Mapping[str, int | None]

    def line(self) -> str:
        memory = ", ".join(f"{name} {size // MEBIBYTE} MiB" for name, size in self.rss.items())
        return f"{memory}; sessions {dict(self.pools)}"


async def resources(s: Stand) -> Resources:
    running = {name: process for name, process in s.services.items() if process.running}
    return Resources(
        {name: process.rss() for name, process in running.items()},
        await s.pools(),
        {name: process.pid for name, process in running.items()},
    )


async def assert_back(
    s: Stand, before: Resources, *, same_processes: bool = True, memory_mebibytes: int = MEMORY_MEBIBYTES
) -> None:
    """Memory and pools are what they were, up to what a pool may hold; printed beside the seed."""
    after = await resources(s)
    print(f"{s.history.fault} before: {before.line()}\n{s.history.fault} after:  {after.line()}")  # noqa: T201 - seen
    for name, size in after.rss.items():
        assert size - before.rss[name] < memory_mebibytes * MEBIBYTE, f"{name} keeps memory"
    for role, sessions in after.pools.items():
        assert sessions <= allowed_sessions(role), f"{role} has {sessions} sessions"
    if same_processes:
        assert after.pids == before.pids, "a process was started again"


def allowed_sessions(role: str) -> int:
    """The pool, the relay, the watch over the tables, and for the notifier the one that listens for wake-ups."""
    return 8 + 3 if role == "notifier" else 6 + 2


async def filed(s: Stand) -> int:
    """How many document versions stand in the database."""
    return int((await s.sql("documents", "SELECT count(*) FROM document_version"))[0][0])


def reader(s: Stand, customer: str) -> dict[str, str]:
    """The headers of somebody of this customer, as the gateway sends them on."""
    return dict(s.signer.headers(Principal(uuid4(), customer, "administrator", uuid4())))


async def listed(s: Stand) -> int:
    """How many documents the service lists now, over all customers."""
    count = 0
    async with httpx2.AsyncClient(base_url=s.services["documents"].url, timeout=30) as client:
        for customer in s.customers:
            answer = await client.get("/api/v1/documents", params={"limit": 200}, headers=reader(s, customer))
            assert answer.status_code == 200, answer.text
            count += len(answer.json()["items"])
    return count


async def acknowledged(s: Stand, service: str) -> int:
    """How many records of its topics this service has acknowledged."""
    admin = AIOKafkaAdminClient(bootstrap_servers=s.bootstrap)
    try:
        await admin.start()
        offsets = await admin.list_consumer_group_offsets(s.group(service))
        return sum(max(0, reached.offset) for reached in offsets.values())
    finally:
        await admin.close()


async def until(ask: Callable[[], Awaitable[bool]], what: str, seconds: float, *, look: float = LOOK_SECONDS) -> float:
    """Wait until it is so; the seconds it took. A question that cannot be answered now is asked again."""
    began = time.monotonic()
    while True:
        try:
            if await ask():
                return time.monotonic() - began
        except (OSError, TimeoutError):
            pass
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(look)


@asynccontextmanager
async def loaded(s: Stand, per_second: float) -> AsyncIterator[None]:
    """Billing hands over documents at this rate for as long as the block lasts."""
    ended = asyncio.Event()
    task = asyncio.create_task(s.load(documents=MANY, per_second=per_second, until=ended))
    try:
        yield
    finally:
        ended.set()
        await task


@dataclass(frozen=True, slots=True)
class Answer:
    path: str
    status: int
    """0 where there was no answer at all."""
    seconds: float


@dataclass
class Knocker:
    """Somebody who asks again and again, and notes each answer."""

    answers: list[Answer] = field(default_factory=list)

    def of(self, path: str) -> list[Answer]:
        return [answer for answer in self.answers if answer.path == path]

    def slowest(self, path: str) -> float:
        return max(answer.seconds for answer in self.of(path))

    def statuses(self, path: str) -> set[int]:
        return {answer.status for answer in self.of(path)}


@asynccontextmanager
async def knocking(s: Stand, service: str, path: str, *, every: float, at_once: int = 1) -> AsyncIterator[Knocker]:
    """Ask the service for its liveness and for this path, as one of the customers, until the block ends."""
    knocker = Knocker()
    process = s.services[service]
    headers = reader(s, s.customers[0])
    async with httpx2.AsyncClient(timeout=60) as client:
        asked = [_ask_on(client, f"{process.url}{path}", path, headers, every, knocker) for _ in range(at_once)]
        asked.append(_ask_on(client, f"{process.management_url}/alive", "/alive", {}, LOOK_SECONDS, knocker))
        tasks = [asyncio.create_task(one) for one in asked]
        try:
            yield knocker
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _ask_on(
    client: httpx2.AsyncClient, url: str, path: str, headers: Mapping[str, str], every: float, knocker: Knocker
) -> None:
    while True:
        began = time.monotonic()
        try:
            status = (await client.get(url, headers=dict(headers))).status_code
        except httpx2.TransportError:
            status = 0
        knocker.answers.append(Answer(path, status, time.monotonic() - began))
        await asyncio.sleep(every)


async def said_stop(process: Process, seconds: float = 35) -> tuple[int, float]:
    """SIGTERM: the exit code, and how long it took."""
    began = time.monotonic()
    return await process.stop(seconds), time.monotonic() - began
