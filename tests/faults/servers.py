"""Kafka, PostgreSQL and S3 of our own, which a fault may kill, stop and start again; one set serves many stands.

The zygotes of the services go with them. Kafka has a second listener whose advertised address is a proxy's, so that a
service can be led through it.
"""

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from kundenportal_local.environment import base_environment
from kundenportal_local.jars import fetch_jars, read_list
from kundenportal_local.kafka import Kafka
from kundenportal_local.layout import find_layout
from kundenportal_local.ports import HOST
from kundenportal_local.postgres import Postgres
from kundenportal_local.program import Program, Running
from kundenportal_local.s3 import S3
from tests.faults.forks import Zygotes
from tests.fixtures.embedded import data_folder, reserved_ports

START_SECONDS = 60.0
STOP_SECONDS = 10.0
BUCKETS = ("documents", "intake")


class Server:
    """One of them. Only from the main thread: the kernel binds it to the thread that starts it."""

    def __init__(self, program: Program, log: Path, port: int, proxied_port: int, proxy_port: int) -> None:
        self.program, self.log = program, log
        self.port = port
        self.proxied_port = proxied_port
        """Where its proxy leads to."""
        self.proxy_port = proxy_port
        self._running: Running | None = None

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        assert self._running is not None, f"{self.name} never ran"
        return self._running.pid

    @property
    def running(self) -> bool:
        return self._running is not None and self._running.exit_code is None

    def launch(self) -> None:
        """Start it without waiting for it."""
        self.program.prepare()
        self._running = Running(self.program, self.log)

    async def start(self) -> None:
        """Start it and wait until it answers, recovery included; does nothing where it runs."""
        if not self.running:
            self.launch()
        await self.until_ready()

    async def until_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until it answers; one that gives up while its predecessor still ends is started again."""
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(self.program.is_ready):
                if not self.running:
                    await asyncio.sleep(0.2)
                    self.launch()
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to it and whatever it started."""
        if self._running is not None:
            everyone = self._family()
            self._running.kill()
            for one in everyone:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()

    async def stop(self) -> None:
        """The polite way, as its operator would."""
        if self._running is not None:
            await asyncio.to_thread(self._running.stop, STOP_SECONDS)

    def suspend(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in [*(one.pid for one in self._family()), self.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _family(self) -> list[psutil.Process]:
        """Its children: PostgreSQL's sessions are processes of their own."""
        if not self.running:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).children(recursive=True)
        return []


@dataclass(frozen=True)
class Servers:
    kafka: Server
    postgres: Server
    s3: Server
    password: str
    access_key: str
    secret_key: str
    spare_ports: Mapping[str, int]
    zygotes: Zygotes
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    @property
    def superuser_dsn(self) -> str:
        return self.dsn("postgres", self.password, "postgres")

    def dsn(self, user: str, password: str, database: str, *, proxied: bool = False) -> str:
        port = self.postgres.proxy_port if proxied else self.postgres.port
        return f"postgresql://{user}:{password}@{HOST}:{port}/{database}"

    def each(self) -> tuple[Server, Server, Server]:
        return self.kafka, self.postgres, self.s3


@dataclass(frozen=True)
class ProxiedKafka(Kafka):
    """The local stack's broker with one more way in."""

    inner_port: int = 0
    proxy_port: int = 0

    def prepare(self) -> None:
        super().prepare()
        file = self.data / "server.properties"
        told = {
            "listeners": f"PROXIED://{HOST}:{self.inner_port}",
            "advertised.listeners": f"PROXIED://{HOST}:{self.proxy_port}",
        }
        lines = file.read_text(encoding="ascii").splitlines()
        more = [f"{line},{told[name]}" if (name := line.partition("=")[0]) in told else line for line in lines]
        more.append("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT")
        file.write_text("\n".join(more) + "\n", encoding="ascii")


SPARE = (
    "smtp",
    "documents",
    "documents_management",
    "notifier",
    "notifier_management",
    "identity",
    "identity_management",
)


@contextmanager
def own_servers() -> Iterator[Servers]:
    """All three, answering; killed with the block, and by the kernel when the test run is."""
    names = (
        "kafka",
        "controller",
        "kafka_inner",
        "kafka_proxy",
        "postgres",
        "postgres_proxy",
        "s3",
        "s3_proxy",
        *SPARE,
    )
    jars = fetch_jars(find_layout({}).cache / "kafka", read_list())
    with data_folder("faults") as folder, reserved_ports(len(names)) as numbers:
        ports = dict(zip(names, numbers, strict=True))
        broker = ProxiedKafka(
            jars,
            folder / "kafka",
            ports["kafka"],
            ports["controller"],
            jars[0].with_name("kafka.aot"),
            inner_port=ports["kafka_inner"],
            proxy_port=ports["kafka_proxy"],
        )
        password, access_key, secret_key = (secrets.token_hex(8) for _ in range(3))
        database = Postgres(folder / "postgres", ports["postgres"], password)
        store = S3(folder / "s3", ports["s3"], access_key, secret_key, BUCKETS)
        base = base_environment()
        kafka = Server(broker.program(base), folder / "kafka.log", broker.port, broker.inner_port, broker.proxy_port)
        postgres = Server(
            database.program(base), folder / "postgres.log", database.port, database.port, ports["postgres_proxy"]
        )
        s3 = Server(store.program(base), folder / "s3.log", store.port, store.port, ports["s3_proxy"])
        spare = {name: ports[name] for name in SPARE}
        servers = Servers(kafka, postgres, s3, password, access_key, secret_key, spare, Zygotes(folder))
        try:
            for server in servers.each():
                server.launch()
            for server in servers.each():
                _wait(server)
            yield servers
        finally:
            servers.zygotes.close()
            for server in servers.each():
                server.kill()


def _wait(server: Server) -> None:
    assert server._running is not None
    server._running.wait_until_ready(START_SECONDS)
