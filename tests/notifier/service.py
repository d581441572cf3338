"""The notifier as a process of its own, on real parts; driven by the bus and looked at from outside."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
from aiokafka import AIOKafkaProducer
from joserfc import jwe
from joserfc.jwk import ECKey

from chassis.messaging.subscriptions import Event
from kundenportal_contracts.envelope import write_headers

KEY = ECKey.generate_key("P-256", {"kid": "test-1"}, private=True)


def sealed(secret: str, key: ECKey = KEY) -> str:
    """A secret as identity seals it."""
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": key.kid}
    return jwe.encrypt_compact(header, secret.encode(), key)


def key_set() -> str:
    return json.dumps({"keys": [KEY.as_dict(private=True)]})


@dataclass
class Notifier:
    environment: Mapping[str, str]
    http_port: int
    command: Sequence[str | Path] = field(default_factory=lambda: [program(), "serve"])
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: ASYNC220 -- a moment, in a test
            self.command, env={**os.environ, **self.environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        os.set_blocking(self.process.stdout.fileno(), False)  # type: ignore[union-attr]
        async with httpx2.AsyncClient() as client, asyncio.timeout(30):
            while True:
                assert self.process.poll() is None, self.output()
                try:
                    answer = await client.get(f"http://127.0.0.1:{self.http_port}/ready")
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code == 200:
                    return

    def output(self) -> str:
        if self.process is None or self.process.stdout is None:
            return ""
        return (self.process.stdout.read() or b"").decode(errors="replace")

    async def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)
            if self.process.stdout:
                self.process.stdout.close()

    async def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, 30)


def program() -> Path:
    return Path(sys.executable).parent / "kundenportal-notifier"


@asynccontextmanager
async def speaker(bootstrap: str) -> AsyncIterator["Speaker"]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
    await producer.start()
    try:
        yield Speaker(producer)
    finally:
        await producer.stop()


@dataclass
class Speaker:
    producer: AIOKafkaProducer

    async def say(self, topic: str, *events: Event) -> None:
        """Put the events on the bus as the services do."""
        sent = []
        for event in events:
            headers = write_headers(event.envelope, event.record.headers)
            key = event.record.key or b"4711"
            sent.append(await self.producer.send(topic, event.record.value, key=key, headers=headers))
        await asyncio.gather(*sent)


async def rows(database_url: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    """What stands in the service's database, seen as the service sees it."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.scope', 'service', true)")
            return [dict(row) for row in await connection.fetch(statement, *values)]
    finally:
        await connection.close()


async def eventually(database_url: str, statement: str, wanted: Any, seconds: float = 20) -> None:
    """Ask until the one value is as wanted."""
    found: Any = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = [tuple(row.values()) for row in await rows(database_url, statement)]
                if found == wanted:
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{statement}: {found}, not {wanted}") from None
