import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from kundenportal_local.environment import base_environment
from kundenportal_local.jars import fetch_jars, read_list
from kundenportal_local.kafka import Kafka
from kundenportal_local.layout import find_layout
from kundenportal_local.program import Running
from kundenportal_local.services import SHUTDOWN_SECONDS
from tests.chassis.items import ITEMS, message, until
from tests.chassis.stand import DEAD_LETTERS, Stand, read_all, running
from tests.fixtures.broker import Broker
from tests.fixtures.embedded import data_folder, reserved_ports
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration

RESUMED_SECONDS = 30


class MortalKafka:
    """A broker of this test's own, to be killed and started again on the same data."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self.bootstrap = kafka.bootstrap
        self._program = kafka.program(base_environment())
        self._log = folder / "kafka.log"
        self._process: Running | None = None

    async def start(self) -> None:
        if self._process is not None and self._process.exit_code is None:
            return
        self._program.prepare()
        self._process = Running(self._program, self._log)
        await asyncio.to_thread(self._process.wait_until_ready, 60)

    def kill(self) -> None:
        """SIGKILL, to all of it."""
        if self._process is not None:
            self._process.kill()


@pytest.fixture(scope="module")
def kafka() -> Iterator[MortalKafka]:
    jars = fetch_jars(find_layout({}).cache / "kafka", read_list())
    with data_folder("mortal") as folder, reserved_ports(2) as (port, controller_port):
        kafka = MortalKafka(Kafka(jars=jars, data=folder / "data", port=port, controller_port=controller_port), folder)
        yield kafka
        kafka.kill()


@pytest_asyncio.fixture
async def mortal(kafka: MortalKafka) -> MortalKafka:
    """The broker, alive, with empty topics."""
    await kafka.start()
    await Broker(kafka.bootstrap).create_topics([ITEMS, DEAD_LETTERS])
    return kafka


async def test_a_service_stops_and_starts_without_its_broker(mortal: MortalKafka, postgres: PostgresServer) -> None:
    """With the broker gone and a handler of 60 s all ends as promised; the next process waits for the broker."""
    async with Stand(postgres.create_database("tests"), mortal.bootstrap) as stand:
        async with running(stand.consumer(), stand.relay()):
            await stand.send(message("a"))
            await stand.until_filed(["a"])
            stand.handler.slow = 60
            await stand.send(message("b"))
            await until(lambda: len(stand.handler.batches) == 2)
            mortal.kill()
            await asyncio.sleep(0.5)
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < SHUTDOWN_SECONDS
        assert await stand.items() == ["a"]
        stand.handler.slow = 0
        stand.group += "-later"  # the killed broker still counts the first process in
        async with running(stand.consumer(), stand.relay()):
            await asyncio.sleep(0.5)
            await mortal.start()
            await stand.until_filed(["a", "b"], RESUMED_SECONDS)
            await read_all(mortal.bootstrap, ITEMS, expect=4)
