"""What B3 lets run against each other: documents as `make run` starts it, and the straight line; each a process."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from kundenportal_local.databases import ensure_database
from kundenportal_local.environment import base_environment
from kundenportal_local.probes import answers_http
from tests.benchmarks.stand import BUCKETS, Stand
from tests.fixtures.embedded import reserved_ports

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Reader:
    """A process that reads a topic; `listed` counts what it has made of it in its database."""

    name: str
    process: Process
    database: str
    listed: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@asynccontextmanager
async def documents(stand: Stand, profile: Path | None) -> AsyncIterator[Reader]:
    """The service on the stand's servers; under cProfile where a file for it is named."""
    database = await stand.database("documents")
    program = Path(sys.executable).with_name("kundenportal-documents")
    wrapped = [] if profile is None else [sys.executable, "-m", "tests.benchmarks.profiled", str(profile)]
    with reserved_ports(2) as (port, management_port):
        settings = {
            "HTTP_PORT": str(port),
            "MANAGEMENT_PORT": str(management_port),
            "DATABASE_URL": database,
            "KAFKA_BOOTSTRAP": stand.kafka.bootstrap,
            "IDENTITY_URL": NOBODY,
            "S3_ENDPOINT": stand.s3.endpoint,
            "S3_ACCESS_KEY": stand.s3.access_key,
            "S3_SECRET_KEY": stand.s3.secret_key,
            "S3_DOCUMENTS_BUCKET": BUCKETS[0],
            "S3_INTAKE_BUCKET": BUCKETS[1],
        }
        environment = {f"KUNDENPORTAL_{name}": value for name, value in settings.items()}
        async with _running([*wrapped, str(program), "serve"], environment, stand.folder / "documents.log") as process:
            while not await asyncio.to_thread(answers_http, port, "/ready", 200):
                if process.returncode is not None:
                    raise RuntimeError((stand.folder / "documents.log").read_text()[-3000:])
                await asyncio.sleep(0.05)
            yield Reader("documents", process, database, "SELECT count(*) FROM document WHERE version IS NOT NULL")


@asynccontextmanager
async def straight_line(stand: Stand, hears: str, says: str) -> AsyncIterator[Reader]:
    superuser = stand.postgres.superuser_dsn
    await ensure_database(superuser, name="straight", role="straight", password="straight")
    database = stand.postgres.dsn("straight", "straight", "straight")
    settings = {
        "bootstrap": stand.kafka.bootstrap,
        "database": database,
        "s3_endpoint": stand.s3.endpoint,
        "access_key": stand.s3.access_key,
        "secret_key": stand.s3.secret_key,
        "bucket": BUCKETS[0],
        "from": hears,
        "to": says,
    }
    command = [sys.executable, "-m", "tests.benchmarks.straight_line"]
    log = stand.folder / "straight_line.log"
    async with _running(command, {"STRAIGHT_LINE": json.dumps(settings)}, log) as process:
        while await _count(database) is None:
            if process.returncode is not None:
                raise RuntimeError(log.read_text()[-3000:])
            await asyncio.sleep(0.05)
        yield Reader("straight line", process, database, "SELECT count(*) FROM document")


async def _count(database: str) -> int | None:
    """How many rows the straight line has made; None before it has its table."""
    connection = await asyncpg.connect(database)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM document"))
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


@asynccontextmanager
async def _running(command: Sequence[str], environment: dict[str, str], log: Path) -> AsyncIterator[Process]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env={**base_environment(), **environment}, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(30):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
