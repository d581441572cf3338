import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chassis.messaging.clients import Message
from chassis.messaging.metrics import LAG
from chassis.messaging.subscriptions import Record
from tests.chassis.items import ITEMS, TRACEPARENT, ItemLost, headers, message, until
from tests.chassis.stand import DEAD_LETTERS, Stand, committed, read_all, running, terminate_all
from tests.fixtures.broker import Broker
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def stand(broker: Broker, postgres: PostgresServer) -> AsyncIterator[Stand]:
    await broker.create_topics([ITEMS, DEAD_LETTERS])
    async with Stand(postgres.create_database("tests"), broker.bootstrap) as stand:
        yield stand


def header(record: Record, name: str) -> str:
    return dict(record.headers)[name].decode()


async def test_an_event_is_filed_and_its_consequence_published(stand: Stand, broker: Broker) -> None:
    """From the bus through one transaction and back to the bus, with the trace of each record carried on."""
    names = [f"item {number}" for number in range(200)]
    traced = Message(ITEMS.name, b"traced", b'{"item":"traced"}', headers(event_id="traced", trace=TRACEPARENT))
    await stand.send(*(message(name) for name in names), traced)
    async with running(stand.consumer(), stand.relay()):
        await stand.until_filed([*names, "traced"])
        records = await read_all(broker.bootstrap, ITEMS, expect=402)
        said = [record for record in records if header(record, "ce_type") == ItemLost.ce_type]
        assert sorted(record.key or b"" for record in said) == sorted(name.encode() for name in [*names, "traced"])
        (carried,) = [record for record in said if record.key == b"traced"]
        assert header(carried, "traceparent") == TRACEPARENT.decode()
        await stand.until_acknowledged(402)
        assert await stand.waiting() == 0
    assert max(stand.handler.batches) > 10


async def test_redelivered_records_take_effect_once(stand: Stand, broker: Broker) -> None:
    """A group that starts again from the beginning changes nothing and says nothing twice."""
    await stand.send(*(message(str(number)) for number in range(50)))
    async with running(stand.consumer(), stand.relay()):
        await stand.until_filed([str(number) for number in range(50)])
        await read_all(broker.bootstrap, ITEMS, expect=100)
    stand.group += "-again"
    async with running(stand.consumer(), stand.relay()):
        await stand.until_acknowledged(100)
    assert len(await stand.items()) == 50
    assert len(await read_all(broker.bootstrap, ITEMS, expect=100)) == 100


async def test_poison_is_isolated_with_its_own_bytes(stand: Stand, broker: Broker) -> None:
    """Each poison record is a dead letter with original key, value and headers and its reason; the rest is filed."""
    odd = (("ce_id", b"x"), ("note", b"\xff\x00"), ("ce_id", b"y"))
    bad = [
        Message(ITEMS.name, b"k", b"\x00\xffnot json", headers(event_id="1")),
        Message(ITEMS.name, b"k", b"", headers(event_id="2")),
        Message(ITEMS.name, b"k", None, headers(event_id="3")),
        Message(ITEMS.name, None, b"{}", odd),
        Message(ITEMS.name, b"k", b'{"item": 7}', headers(event_id="4")),
        message("poison pill"),
        Message(ITEMS.name, b"big", b"x" * 1_000_000, odd),
    ]
    good = [message(str(number)) for number in range(30)]
    await stand.send(*good[:10], *bad, *good[10:])
    async with running(stand.consumer()):
        await stand.until_filed([str(number) for number in range(30)])
        letters = await read_all(broker.bootstrap, DEAD_LETTERS, expect=len(bad))
    told = {(letter.key, letter.value, letter.headers[:-4]) for letter in letters}
    assert told == {(each.key, each.value, each.headers) for each in bad}
    reasons = sorted(header(letter, "dlq_reason") for letter in letters)
    assert reasons == ["data_refused", "invalid_field", *["malformed_event"] * 5]
    for letter in letters:
        assert header(letter, "dlq_topic") == ITEMS.name
        assert {int(header(letter, "dlq_partition")), int(header(letter, "dlq_offset"))} <= set(range(37))


async def test_terminated_database_sessions_cost_nothing(
    stand: Stand, broker: Broker, postgres: PostgresServer
) -> None:
    """All sessions are ended again and again under load: everything is filed once and published."""
    stand.handler.slow = 0.05
    names = [str(number) for number in range(300)]
    async with running(stand.consumer(), stand.relay()):
        for start in range(0, 300, 50):
            await stand.send(*(message(name) for name in names[start : start + 50]))
            await terminate_all(postgres.superuser_dsn, stand.dsn)
            await asyncio.sleep(0.2)
        await stand.until_filed(names)
        records = await read_all(broker.bootstrap, ITEMS, expect=600)
    lost = {header(record, "ce_id") for record in records if header(record, "ce_type") == ItemLost.ce_type}
    assert len(lost) == 300


async def test_a_second_member_shares_the_work_and_leaves(stand: Stand, broker: Broker) -> None:
    """Rebalances under load lose nothing and file nothing twice."""
    stand.handler.slow = 0.02
    names = [str(number) for number in range(400)]
    async with running(stand.consumer()):
        await stand.send(*(message(name) for name in names[:200]))
        async with running(stand.consumer()):
            await stand.send(*(message(name) for name in names[200:300]))
            await stand.until_filed(names[:300])
        await stand.send(*(message(name) for name in names[300:]))
        await stand.until_filed(names)
    assert sum((await committed(broker.bootstrap, stand.group, ITEMS)).values()) == 400


async def test_stopping_leaves_a_slow_batch_unacknowledged(stand: Stand, broker: Broker) -> None:
    """A handler that takes too long is cut off within the promised time; its records come again."""
    stand.handler.slow = 60
    await stand.send(message("slow"))
    async with running(stand.consumer(drain_seconds=1)):
        await until(lambda: bool(stand.handler.batches))
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 8
    assert await stand.items() == []
    assert await committed(broker.bootstrap, stand.group, ITEMS) == {}


def lag() -> dict[str, float]:
    """What /metrics says, by partition."""
    samples = [each for metric in LAG.collect() for each in metric.samples if each.labels["topic"] == ITEMS.name]
    return {each.labels["partition"]: each.value for each in samples}


async def test_the_lag_is_told_before_and_while_a_batch_hangs(stand: Stand) -> None:
    """Every partition has one soon after the start, also where nothing is; what arrives behind a stuck batch counts."""
    stand.handler.slow = 60
    async with running(stand.consumer(drain_seconds=0.1)):
        await until(lambda: lag() == {"0": 0, "1": 0, "2": 0})
        await stand.send(message("stuck"))
        await until(lambda: bool(stand.handler.batches))
        await stand.send(*(message("stuck", event_id=str(number)) for number in range(4)))
        await until(lambda: sum(lag().values()) == 5)
    assert lag() == {}


async def test_a_static_member_comes_back_at_once(stand: Stand) -> None:
    """With an instance id the next process takes its place in the group without waiting for the session to end."""
    for names in ("a", "ab", "abc"):
        async with running(stand.consumer(instance="tests-1")):
            await stand.send(message(names[-1]))
            await stand.until_filed(names, 8)
