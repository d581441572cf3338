"""The parts under circumstances that the fixtures do not meet."""

import os
import signal
from pathlib import Path

import asyncpg
import pytest

from kundenportal_local.environment import base_environment
from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.jars import fetch_jars, read_list
from kundenportal_local.kafka import Kafka
from kundenportal_local.layout import find_layout
from kundenportal_local.postgres import Guise, Postgres, find_guise
from tests.fixtures.embedded import data_folder, reserved_ports, running

pytestmark = pytest.mark.integration


async def answer(server: Postgres) -> int:
    connection = await asyncpg.connect(server.superuser_dsn, ssl=False)
    try:
        return int(await connection.fetchval("SELECT 42"))
    finally:
        await connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
async def test_postgres_runs_as_nobody_where_namespaces_are_forbidden() -> None:
    """The same data is served as nobody, and in a user namespace again afterwards."""
    with data_folder("guise") as folder, reserved_ports(1) as (port,):
        for guise in (Guise(user="nobody"), find_guise()):
            server = Postgres(folder / "data", port, "geheim", guise=guise)
            with running(server.program(base_environment()), folder):
                assert await answer(server) == 42


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_a_checkout_closed_to_nobody_is_told(tmp_path: Path) -> None:
    """Root's home, say: the reader learns where the checkout could lie instead."""
    closed = tmp_path / "bin"
    closed.mkdir(mode=0o700)
    (closed / "initdb").touch(mode=0o755)
    server = Postgres(tmp_path / "data", 1, "geheim", guise=Guise(user="nobody"), programs=closed)
    with pytest.raises(LocalTroubleError, match=r"nobody may not enter .* where everybody may go"):
        server.prepare()


async def test_postgres_recovers_from_a_kill() -> None:
    """Killed without warning, the server starts again on the same data."""
    with data_folder("kill") as folder, reserved_ports(1) as (port,):
        server = Postgres(folder / "data", port, "geheim")
        with running(server.program(base_environment()), folder) as process:
            os.kill(process.pid, signal.SIGKILL)
        with running(server.program(base_environment()), folder):
            assert await answer(server) == 42


def test_kafka_starts_in_a_folder_with_spaces_and_umlauts(tmp_path: Path) -> None:
    """Neither a space nor an umlaut in the path keeps the broker from its data."""
    jars = fetch_jars(find_layout({}).cache / "kafka", read_list())
    folder = tmp_path / "mein Ordner für Łucja"
    with reserved_ports(2) as (port, controller_port):
        kafka = Kafka(jars, folder, port, controller_port)
        with running(kafka.program(base_environment({"PATH": os.environ["PATH"]})), tmp_path):
            assert (folder / "logs" / "__cluster_metadata-0").is_dir()
