"""Documents as a process of its own on real parts, driven by the bus and by HTTP, looked at from outside."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from fastapi import FastAPI

from chassis.lifecycle import HttpServer
from chassis.testing.principals import PrincipalSigner
from kundenportal_contracts.topics import BILLING_DOCUMENTS, DOCUMENTS, dead_letters
from tests.documents.making import reader
from tests.fixtures.broker import Broker
from tests.fixtures.bus import Bus, Data
from tests.fixtures.embedded import reserved_ports
from tests.fixtures.object_store import ObjectStore
from tests.fixtures.postgres import PostgresServer

PROGRAM = Path(sys.executable).with_name("kundenportal-documents")
TOPICS = (BILLING_DOCUMENTS, DOCUMENTS, dead_letters("documents"))


@asynccontextmanager
async def identity(signer: PrincipalSigner) -> AsyncIterator[str]:
    """Identity, as far as documents needs it: the public keys."""
    app = FastAPI()

    @app.get("/internal/jwks")
    async def jwks() -> dict[str, Any]:
        return signer.jwks()

    server = HttpServer("identity", app, "127.0.0.1", 0)
    running = asyncio.create_task(server.run())
    while server.port == 0:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
        await running


@dataclass
class Documents:
    environment: Mapping[str, str]
    log: Path
    signer: PrincipalSigner
    bus: Bus
    intake_bucket: str
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, "serve"], env=self.environment, stdout=log, stderr=log)  # noqa: ASYNC220 - a moment
        async with httpx2.AsyncClient() as client, asyncio.timeout(30):
            while not await self._ready(client):
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def _ready(self, client: httpx2.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.url}/ready")).status_code == 200
        except httpx2.TransportError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['KUNDENPORTAL_HTTP_PORT']}"

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    async def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, 30)

    def workers(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children()

    async def get(self, path: str, customer: str = "4711", **query: Any) -> httpx2.Response:
        async with httpx2.AsyncClient() as client:
            headers = self.signer.headers(reader(customer))
            return await client.get(f"{self.url}{path}", params=query, headers=headers)

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What stands in the service's database, seen as the service sees it."""
        connection = await asyncpg.connect(self.environment["KUNDENPORTAL_DATABASE_URL"])
        try:
            async with connection.transaction():
                await connection.execute("SELECT set_config('app.scope', 'service', true)")
                return [tuple(row.values()) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    async def dead_letters(self) -> int:
        """How many records the service could do nothing with."""
        place = TopicPartition(dead_letters("documents").name, 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bus.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([place])
            return int((await consumer.end_offsets([place]))[place])
        finally:
            await consumer.stop()

    async def heard(self, name: str, count: int, seconds: float = 30) -> list[Data]:
        """The events of one type, once there are at least so many."""
        found: list[Data] = []
        try:
            async with asyncio.timeout(seconds):
                while len(found) < count:
                    told = await self.bus.heard(DOCUMENTS.name)
                    found = [data for ce_type, data in told if ce_type == f"documents.{name}.v1"]
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{len(found)} of {count} {name}: {self.log.read_text()[-4000:]}") from None
        return found


@asynccontextmanager
async def documents(
    postgres: PostgresServer, broker: Broker, object_store: ObjectStore, bus: Bus, folder: Path
) -> AsyncIterator[Documents]:
    """The service with empty topics, a migrated database and buckets of its own; not started yet."""
    await broker.create_topics(TOPICS)
    signer, intake = PrincipalSigner(), object_store.create_bucket()
    async with identity(signer) as identity_url:
        with reserved_ports(2) as (http_port, management_port):
            environment = {
                "KUNDENPORTAL_HTTP_PORT": str(http_port),
                "KUNDENPORTAL_MANAGEMENT_PORT": str(management_port),
                "KUNDENPORTAL_DATABASE_URL": postgres.create_database("documents"),
                "KUNDENPORTAL_KAFKA_BOOTSTRAP": broker.bootstrap,
                "KUNDENPORTAL_GROUP_INSTANCE_ID": "documents-test",
                "KUNDENPORTAL_IDENTITY_URL": identity_url,
                "KUNDENPORTAL_S3_ENDPOINT": object_store.endpoint,
                "KUNDENPORTAL_S3_ACCESS_KEY": object_store.access_key,
                "KUNDENPORTAL_S3_SECRET_KEY": object_store.secret_key,
                "KUNDENPORTAL_S3_DOCUMENTS_BUCKET": object_store.create_bucket(),
                "KUNDENPORTAL_S3_INTAKE_BUCKET": intake,
            }
            await asyncio.to_thread(subprocess.check_call, [PROGRAM, "migrate"], env=environment)
            service = Documents(environment, folder / "documents.log", signer, bus, intake)
            try:
                yield service
            finally:
                if service.process is not None and service.process.poll() is None:
                    await service.kill()
