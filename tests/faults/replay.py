"""A group sent back to the beginning of its topics, and everything that a replay could change."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_DNS, uuid5

import obstore
from aiokafka import AIOKafkaConsumer, TopicPartition

from kundenportal_contracts.topics import ALL
from tests.faults.history import Issued
from tests.faults.load import ISSUED, TOPIC, small_pdf
from tests.faults.rest import HEARD, lag
from tests.faults.stand import Stand
from tests.fixtures.bus import headers, invoice

AT_ONCE = 500
LOOK_SECONDS = 0.25
PARTITIONS = {topic.name: topic.partitions for topic in ALL}
TABLES = {
    "documents": ("document", "document_version", "quarantine", "inbox", "outbox", "fault.said"),
    "notifier": ("delivery", "published_document", "recipient", "customer", "inbox", "outbox", "fault.said"),
}
EVERYTHING = "SELECT count(*) AS n, coalesce(sum(hashtextextended(t::text, 0)), 0)::text AS digest FROM {} AS t"


@dataclass(frozen=True, slots=True)
class State:
    """What there is: each table's rows, each topic's ends, the documents' objects, the mails that were taken."""

    tables: dict[str, tuple[int, str]]
    ends: dict[str, int]
    objects: int
    mails: int

    def besides(self, table: str) -> "State":
        """All but this table."""
        return replace(self, tables={name: rows for name, rows in self.tables.items() if name != table})


async def state_of(s: Stand, mails: int) -> State:
    tables = {}
    for service in s.databases:
        for table in TABLES[service]:
            [row] = await s.sql(service, EVERYTHING.format(table))
            tables[f"{service}.{table}"] = (row["n"], row["digest"])
    return State(tables, await _ends(s.bootstrap), await _objects(s) if "documents" in s.databases else 0, mails)


async def _objects(s: Stand) -> int:
    return sum([len(listed) async for listed in obstore.list(s.bucket())])


async def _ends(bootstrap: str) -> dict[str, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(_places(PARTITIONS))
    finally:
        await consumer.stop()
    return {topic: sum(end for place, end in ends.items() if place.topic == topic) for topic in PARTITIONS}


def _places(topics: Sequence[str] | dict[str, int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS[topic])]


async def rewind(s: Stand, service: str) -> None:
    """Send the group of a service back to earliest, as its operator would; it has to be stopped."""
    group = AIOKafkaConsumer(bootstrap_servers=s.bootstrap, group_id=s.group(service), enable_auto_commit=False)
    await group.start()
    try:
        places = _places(HEARD[service])
        group.assign(places)
        await group.commit(await group.beginning_offsets(places))
    finally:
        await group.stop()


async def replayed(s: Stand, service: str) -> tuple[int, float]:
    """The group hears everything again: how many records, and in how many seconds from the start of the process."""
    if s.services[service].running:
        assert await s.services[service].stop() == 0
    await rewind(s, service)
    waiting = await lag(s.bootstrap, s.group(service), HEARD[service])
    began = time.monotonic()
    await s.services[service].start()
    while await lag(s.bootstrap, s.group(service), HEARD[service]):  # noqa: ASYNC110 - the group tells nobody
        await asyncio.sleep(LOOK_SECONDS)
    seconds = time.monotonic() - began
    print(f"{service} heard {waiting} again in {seconds:.1f} s: {waiting / seconds:.0f}/s")  # noqa: T201 - what was seen
    return waiting, seconds


async def handed_over_long_ago(s: Stand, records: int, customers: Sequence[str], days: int) -> None:
    """So many documents of these customers, at once, under times that are days old; one in ten was corrected."""
    at = datetime.now(UTC) - timedelta(days=days)
    producer = await s.billing._open()
    for begin in range(0, records, AT_ONCE):
        given = [_old(number, customers, at) for number in range(begin, min(begin + AT_ONCE, records))]
        sent = [await producer.send(TOPIC, one.value, one.key, headers=one.headers) for one in given]
        for one, place in zip(given, await asyncio.gather(*sent), strict=True):
            s.history.acknowledged(Issued(*one.facts, (place.topic, place.partition, place.offset)))


@dataclass(frozen=True, slots=True)
class _Old:
    facts: tuple[str, str, str, str, str]
    value: bytes
    key: bytes
    headers: list[tuple[str, bytes]]


def _old(number: int, customers: Sequence[str], at: datetime) -> _Old:
    corrects = number % 10 == 9
    about = number - 1 if corrects else number
    customer, name = customers[about % len(customers)], f"ALT{about:06}"
    data = invoice(customer, name, small_pdf(f"{name} {corrects}"))
    ce_id, ce_time = str(uuid5(NAMESPACE_DNS, f"{number}")), (at + timedelta(milliseconds=number)).isoformat()
    facts = (customer, name, str(data["sha256"]), ce_id, ce_time)
    return _Old(facts, json.dumps(data).encode(), customer.encode(), headers(ISSUED, ce_id, ce_time=ce_time))
