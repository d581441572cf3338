"""The SDK and the command line on a real broker and a real bucket."""

import asyncio
import csv
import json
import re
import signal
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from obstore.store import S3Store

from kundenportal_contracts.billing import INLINE_BYTES, CustomerRegistered, DocumentIssued
from kundenportal_contracts.cli.hand_over import AT_ONCE
from kundenportal_contracts.envelope import decode, read_envelope
from kundenportal_contracts.publish import (
    BillingPublisher,
    BusUnavailable,
    IntakeUnavailable,
    PublishFailed,
    S3Target,
)
from kundenportal_contracts.topics import BILLING_CUSTOMERS, BILLING_DOCUMENTS, Topic
from tests.contracts.fakes import CUSTOMER, DOCUMENT
from tests.fixtures.billing import Billing
from tests.fixtures.broker import Broker
from tests.fixtures.object_store import ObjectStore

pytestmark = pytest.mark.integration
EARLY = 60
"""After so many documents the hand-over is interrupted; most of it is left, however late the interruption comes."""
BILLING = Path(sys.executable).with_name("kundenportal-billing")
STACK_NAMES = ("kafka_bootstrap", "s3_endpoint", "s3_access_key", "s3_secret_key", "s3_intake_bucket")
LARGE = bytes(range(256)) * (INLINE_BYTES // 256) + b"!"


async def heard(broker: Broker, topic: Topic) -> list[ConsumerRecord]:
    """Everything that stands on the topic now."""
    consumer = AIOKafkaConsumer(topic.name, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(topic.name, number) for number in range(topic.partitions)])
        records: list[ConsumerRecord] = []
        while len(records) < sum(ends.values()):
            for found in (await consumer.getmany(timeout_ms=200)).values():
                records += found
        return records
    finally:
        await consumer.stop()


def stack_file(folder: Path, broker: Broker, store: ObjectStore) -> Path:
    facts = {
        "kafka_bootstrap": broker.bootstrap,
        "s3_endpoint": store.endpoint,
        "s3_access_key": store.access_key,
        "s3_secret_key": store.secret_key,
        "s3_intake_bucket": store.create_bucket(),
    }
    (folder / "stack.json").write_text(json.dumps(facts))
    return folder / "stack.json"


def export(folder: Path, count: int) -> Path:
    """A folder with this many documents, every tenth too large for a record, and a row that fails."""
    folder.mkdir()
    with (folder / "index.csv").open("w", newline="", encoding="utf-8-sig") as file:
        index = csv.DictWriter(file, ["file", *DOCUMENT], delimiter=";")
        index.writeheader()
        for number in range(count):
            name = f"Müller {number}.pdf"
            (folder / name).write_bytes(b"%%PDF-1.7 %d " % number + bytes(80_000 if number % 10 else INLINE_BYTES))
            index.writerow(
                {**DOCUMENT, "file": name, "customer_number": str(number % 30), "document_number": f"R{number}"}
            )
        index.writerow({**DOCUMENT, "file": "gone.pdf"})
    return folder


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BILLING, *arguments], capture_output=True, text=True, check=False, timeout=60)


async def test_nobody_listening_is_told_quickly() -> None:
    """Without a broker, opening the publisher fails with its address instead of waiting."""
    started = time.monotonic()
    with pytest.raises(BusUnavailable, match=r"127\.0\.0\.1:1$"):
        async with BillingPublisher("127.0.0.1:1", "billing/sap-1"):
            pass
    assert time.monotonic() - started < 12


@pytest.mark.parametrize(
    ("endpoint", "key", "told"),
    [("http://127.0.0.1:1", "x", IntakeUnavailable), (None, "wrong-access-key", PublishFailed)],
)
async def test_a_bucket_that_takes_nothing_is_told(
    broker: Broker, object_store: ObjectStore, endpoint: str | None, key: str, told: type[PublishFailed]
) -> None:
    """An unreachable server and refused credentials are told apart, and no record is said."""
    await broker.create_topics([BILLING_DOCUMENTS])
    target = S3Target(endpoint or object_store.endpoint, object_store.create_bucket(), key, "secret")
    async with BillingPublisher(broker.bootstrap, "billing/sap-1", target) as billing:
        with pytest.raises(told) as failed:
            await billing.issue(DOCUMENT, LARGE)
    assert type(failed.value) is told
    assert await heard(broker, BILLING_DOCUMENTS) == []


async def test_what_is_handed_over_stands_on_the_bus(
    billing: Billing, broker: Broker, object_store: ObjectStore
) -> None:
    """A customer, a small document inline and a large one by reference arrive as the interface says."""
    await broker.create_topics([BILLING_CUSTOMERS, BILLING_DOCUMENTS])
    bucket = object_store.create_bucket()
    async with billing.publisher(intake_bucket=bucket) as publisher:
        await publisher.register_customer(CUSTOMER)
        await publisher.issue(DOCUMENT, b"small")
        await publisher.issue(DOCUMENT, LARGE)
    [customer] = await heard(broker, BILLING_CUSTOMERS)
    small, large = [decode(DocumentIssued, record.value) for record in await heard(broker, BILLING_DOCUMENTS)]
    assert customer.key == b"4711"
    assert read_envelope(customer.headers).type == CustomerRegistered.ce_type
    assert decode(CustomerRegistered, customer.value).last_name == "Grünwald-Łęcka"
    assert small.content.inline == b"small"
    assert large.content.object is not None
    assert (await stored(object_store, bucket, large.content.object.key)) == LARGE


async def stored(store: ObjectStore, bucket: str, key: str) -> bytes:
    s3 = S3Store(
        bucket,
        endpoint=store.endpoint,
        access_key_id=store.access_key,
        secret_access_key=store.secret_key,
        region=store.region,
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
    )
    return bytes(await (await s3.get_async(key)).bytes_async())


async def test_a_folder_goes_over_in_seconds_and_again_under_the_same_ids(
    broker: Broker, object_store: ObjectStore, tmp_path: Path
) -> None:
    """300 documents, one of them missing: exit 1 and the failure in a line; mended, the rest follows; then all repeats."""
    await broker.create_topics([BILLING_DOCUMENTS])
    folder, stack = export(tmp_path / "export", 300), stack_file(tmp_path, broker, object_store)
    started = time.monotonic()
    first = command("publish", folder, "--stack", stack)
    assert time.monotonic() - started < 30
    (folder / "gone.pdf").write_bytes(b"%PDF-1.7")
    second, third = command("publish", folder, "--stack", stack), command("publish", folder, "--stack", stack)
    records = await heard(broker, BILLING_DOCUMENTS)
    assert [run.returncode for run in (first, second, third)] == [1, 0, 0]
    assert "300 of 301 documents handed over, 1 failed." in first.stdout
    assert "line 302, column file: R0099901888 (gone.pdf): there is no file «gone.pdf»" in first.stderr
    assert "301 of 301 documents handed over (300 of them by an earlier run), 0 failed." in second.stdout
    assert "301 of 301 documents handed over, 0 failed." in third.stdout
    assert len(records) == 602
    assert len({read_envelope(record.headers).id for record in records}) == 301


async def test_versions_behind_a_wrong_row_wait_for_it(
    broker: Broker, object_store: ObjectStore, tmp_path: Path
) -> None:
    """The list, the sum, the log and the exit code tell of what waits; mended, the versions follow in the index's order."""
    await broker.create_topics([BILLING_DOCUMENTS])
    folder, stack, log = tmp_path / "export", stack_file(tmp_path, broker, object_store), tmp_path / "log.jsonl"
    folder.mkdir()
    names = [f"{number}.pdf" for number in range(1, 5)]
    (folder / "index.json").write_text(json.dumps([{**DOCUMENT, "file": name} for name in names]))
    for name in set(names) - {"2.pdf"}:
        (folder / name).write_bytes(b"%PDF-" + name.encode())
    first = command("publish", folder, "--stack", stack, "--log", log)
    (folder / "2.pdf").write_bytes(b"%PDF-2.pdf")
    second = command("publish", folder, "--stack", stack)
    records = await heard(broker, BILLING_DOCUMENTS)
    said = {read_envelope(one.headers).time: decode(DocumentIssued, one.value).content.inline for one in records}
    assert [said[time] for time in sorted(said)] == [b"%PDF-" + name.encode() for name in names]
    assert (first.returncode, second.returncode) == (1, 0)
    assert "1 of 4 documents handed over, 1 failed, 2 waiting." in first.stdout
    assert first.stderr.count("R0099901888 (4.pdf): waits for line ") == 1
    outcomes = [json.loads(line)["outcome"] for line in log.read_text().splitlines()]
    assert sorted(outcomes) == ["handed_over", "refused", "waiting", "waiting"]


@pytest.fixture
def heard_sigint() -> Iterator[None]:
    """Let a child hear Ctrl-C, also where this run was itself started with SIGINT ignored, as in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_sigint")
@pytest.mark.parametrize(("interruption", "left_with"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
async def test_an_interrupted_folder_goes_on_where_it_stopped(
    broker: Broker, object_store: ObjectStore, tmp_path: Path, interruption: int, left_with: int
) -> None:
    """Killed on its way and started again, every document is there, each under one id, and most were said once."""
    await broker.create_topics([BILLING_DOCUMENTS])
    folder, stack = export(tmp_path / "export", 600), stack_file(tmp_path, broker, object_store)
    (folder / "gone.pdf").write_bytes(b"%PDF-1.7")
    log = tmp_path / "log.jsonl"
    killed = await asyncio.create_subprocess_exec(
        BILLING, "publish", folder, "--stack", stack, "--log", log, stderr=PIPE
    )
    while not log.exists() or log.read_bytes().count(b"handed_over") < EARLY:
        assert killed.returncode is None
        await asyncio.sleep(0.002)
    killed.send_signal(interruption)
    told = (await killed.communicate())[1].decode()
    known = log.read_bytes().count(b"handed_over")
    second = command("publish", folder, "--stack", stack)
    records = await heard(broker, BILLING_DOCUMENTS)
    said = Counter(read_envelope(record.headers).id for record in records)
    numbers = {decode(DocumentIssued, record.value).document_number for record in records}
    assert (killed.returncode, second.returncode) == (left_with, 0)
    assert (len(said), len(numbers), known < 601) == (601, 601, True)
    assert len(records) <= 601 + AT_ONCE
    assert re.search(r"601 of 601 documents handed over \(\d+ of them by an earlier run\), 0 failed", second.stdout)
    assert interruption == signal.SIGKILL or "goes on where it stopped" in told


def test_a_broker_that_is_away_is_told_and_nothing_is_begun(tmp_path: Path) -> None:
    """Exit 1 and the address, without a journal."""
    folder, stack = export(tmp_path / "export", 1), tmp_path / "stack.json"
    stack.write_text(json.dumps(dict.fromkeys(STACK_NAMES, "x") | {"kafka_bootstrap": "127.0.0.1:1"}))
    done = command("publish", folder, "--stack", stack)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("Nothing was handed over: the broker at 127.0.0.1:1 does not answer")
    assert not list(folder.glob(".*"))


async def test_customers_come_by_options_or_by_table(broker: Broker, object_store: ObjectStore, tmp_path: Path) -> None:
    """One customer by options, two by a table; what is left out has its default."""
    await broker.create_topics([BILLING_CUSTOMERS])
    stack = stack_file(tmp_path, broker, object_store)
    table = tmp_path / "customers.csv"
    table.write_text("customer_number,company,email\n4712,Metzgerei Łęcki,a@b.example\n4713,,c@d.example\n", "utf-8")
    options = ["--customer-number", "4711", "--company", "Hof Müller", "--email", "m@hof.example"]
    one = command("customer", "register", *options, "--stack", stack)
    many = command("customer", "register", "--file", table, "--stack", stack)
    events = [decode(CustomerRegistered, record.value) for record in await heard(broker, BILLING_CUSTOMERS)]
    assert (one.returncode, one.stdout) == (0, "Customer 4711 is registered.\n")
    assert (many.returncode, "line 3, column company: 4713: Field required" in many.stderr) == (1, True)
    assert {(event.company, event.salutation, event.language) for event in events} == {
        ("Hof Müller", "none", "de"),
        ("Metzgerei Łęcki", "none", "de"),
    }
