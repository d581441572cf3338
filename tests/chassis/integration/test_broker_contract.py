"""Kafka, through the clients that the chassis uses, keeps the contract that the broker in memory keeps."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.protocol.group import LeaveGroupRequest

from chassis.messaging.clients import GroupMember, RawProducer
from chassis.messaging.subscriptions import Partition
from chassis.settings import KafkaSettings
from kundenportal_contracts.topic_admin import apply_topics
from kundenportal_contracts.topics import Topic
from kundenportal_local.environment import base_environment
from kundenportal_local.jars import fetch_jars, read_list
from kundenportal_local.kafka import Kafka
from kundenportal_local.layout import find_layout
from tests.chassis.broker_contract import (
    PARTITIONS,
    GroupContract,
    OutageContract,
    ReadingContract,
    WritingContract,
    name,
)
from tests.fixtures.embedded import data_folder, reserved_ports, running

__all__ = ["name"]

pytestmark = pytest.mark.integration


class KafkaBus:
    def __init__(self, bootstrap: str, pid: int) -> None:
        self._kafka = KafkaSettings(kafka_bootstrap=bootstrap)
        self._pid = pid

    async def create(self, topic: str) -> None:
        await apply_topics(
            self._kafka.kafka_bootstrap, (Topic(topic, PARTITIONS, timedelta(days=1), 1_048_576, "key"),)
        )

    def member(
        self,
        group: str,
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> GroupMember:
        return GroupMember(
            self._kafka,
            group=group,
            topics=topics,
            on_assigned=on_assigned,
            on_revoked=on_revoked,
            session_timeout_ms=6000,
        )

    def connection(self) -> RawProducer:
        return RawProducer(self._kafka, client_id="contract")

    async def throw_out(self, member: Any) -> None:
        """Say in its place that it leaves."""
        coordinator = member._consumer._coordinator
        await coordinator._send_req(LeaveGroupRequest(coordinator.group_id, coordinator.member_id))

    async def expire(self, partition: Partition, before: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka.kafka_bootstrap)
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(*partition): RecordsToDelete(before_offset=before)})
        finally:
            await admin.close()

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        os.killpg(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._pid, signal.SIGCONT)
            await asyncio.sleep(0)


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaBus]:
    """A broker of this file's own, which may be stopped."""
    jars = fetch_jars(find_layout({}).cache / "kafka", read_list())
    with data_folder("contract") as folder, reserved_ports(2) as (port, controller_port):
        kafka = Kafka(jars, folder / "data", port, controller_port, aot_cache=jars[0].with_name("kafka.aot"))
        with running(kafka.program(base_environment()), folder) as process:
            yield KafkaBus(kafka.bootstrap, process.pid)


@pytest.fixture
def bus(kafka: KafkaBus) -> KafkaBus:
    return kafka


class TestReading(ReadingContract): ...


class TestGroup(GroupContract): ...


class TestWriting(WritingContract): ...


class TestOutage(OutageContract): ...
