"""Kafka, PostgreSQL and S3 with the settings of `make run`, for benchmarks of a part; no service runs beside it."""

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from chassis.migrations import upgrade
from kundenportal_contracts.topic_admin import apply_topics
from kundenportal_contracts.topics import Topic
from kundenportal_local.databases import ensure_database
from kundenportal_local.environment import base_environment
from kundenportal_local.jars import fetch_jars, read_list
from kundenportal_local.kafka import Kafka
from kundenportal_local.layout import find_layout
from kundenportal_local.postgres import Postgres
from kundenportal_local.program import Program, Running
from kundenportal_local.s3 import S3
from tests.fixtures.embedded import data_folder, reserved_ports, running

BUCKETS = ("bench-documents", "bench-intake")


@dataclass(frozen=True)
class Stand:
    """The three servers, ready."""

    folder: Path
    kafka: Kafka
    postgres: Postgres
    s3: S3
    servers: dict[str, Running]

    @property
    def pids(self) -> dict[str, int]:
        return {name: server.pid for name, server in self.servers.items()}

    async def topics(self, *topics: Topic) -> None:
        await apply_topics(self.kafka.bootstrap, tuple(topics))

    async def database(self, service: str) -> str:
        """A migrated database, owned by the service's role; its address."""
        password = secrets.token_hex(8)
        await ensure_database(self.postgres.superuser_dsn, name=service, role=service, password=password)
        url = self.postgres.dsn(service, password, service)
        await asyncio.to_thread(upgrade, url, f"{service}.migrations")
        return url


@contextmanager
def stand() -> Iterator[Stand]:
    jars = fetch_jars(find_layout({}).cache / "kafka", read_list())
    with data_folder("bench") as folder, reserved_ports(4) as ports, ExitStack() as stack:
        kafka = Kafka(jars, folder / "kafka", ports[0], ports[1], aot_cache=jars[0].with_name("kafka.aot"))
        postgres = Postgres(folder / "postgres", ports[2], secrets.token_hex(8))
        s3 = S3(folder / "s3", ports[3], secrets.token_hex(8), secrets.token_hex(16), buckets=BUCKETS)
        programs: Sequence[Program] = [part.program(base_environment()) for part in (kafka, postgres, s3)]
        servers = {program.name: stack.enter_context(running(program, folder)) for program in programs}
        yield Stand(folder, kafka, postgres, s3, servers)
