"""F11: poison on every topic that a service hears: what is good behind it flows on, and nothing of the poison is lost."""

import asyncio
import itertools
import json
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from kundenportal_contracts import topics
from kundenportal_contracts.topics import Topic, dead_letters
from tests.faults.gather import records_on
from tests.faults.goods import good_input
from tests.faults.history import Poison as Given
from tests.faults.load import PLAIN, small_pdf
from tests.faults.poison import Data, Good, Poison, encoded, fresh, poisons
from tests.faults.scale import scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.watch import assert_back, resources
from tests.faults.wire import RawHeaders, RawRecord, on_disk, raw_speaker
from tests.fixtures.bus import SOURCE, headers, invoice, registration
from tests.fixtures.papers import encrypted_pdf
from tests.notifier.service import sealed

pytestmark = [pytest.mark.integration, pytest.mark.fault, pytest.mark.timeout(300)]

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
TAKEN = {
    topics.USERS: "SELECT count(*) FROM recipient WHERE customer_number LIKE 'U%'",
    topics.CREDENTIALS: "SELECT count(*) FROM delivery WHERE purpose = 'initial_password' AND state = 'sent'",
    topics.DOCUMENTS: "SELECT count(*) FROM published_document",
}
Fed = list[tuple[Poison, tuple[str, int, int]]]


def example(name: str) -> Data:
    """The data of this event as the contracts show it."""
    [file] = EXAMPLES.glob(f"*.{name}.v1.json")
    data: Data = json.loads(file.read_text(encoding="utf-8"))["data"]
    return data


def good_issue(customer: str) -> Good:
    number = f"G-{customer}"
    return Good(
        customer.encode(),
        tuple((name.encode(), value) for name, value in headers("billing.DocumentIssued.v1")),
        invoice(customer, number, small_pdf(number)),
    )


def bad_documents(good: Good) -> list[Poison]:
    """Everything on billing's topic that documents has a word for."""
    customer = good.key.decode()
    large, encrypted = b"%PDF-1.7\n" + bytes(600_000), encrypted_pdf("zu")
    own = {
        "hash_mismatch": (good.anew(sha256="0" * 64), "hash_mismatch"),
        "another_size": (good.anew(size=17), "hash_mismatch"),
        "declared_too_large": (
            good.anew(size=26_000_000, content={"object": {"key": f"{SOURCE}/26mb"}}),
            "too_large",
        ),
        "inline_over_its_cap": (
            Good(good.key, fresh(good.headers), invoice(customer, "L", large)).record,
            "invalid_field",
        ),
        "no_bytes_at_all": (
            Good(good.key, fresh(good.headers), invoice(customer, "0", b"")).record,
            "unreadable_content",
        ),
        "a_page_called_pdf": (
            Good(good.key, fresh(good.headers), invoice(customer, "H", b"<html></html>")).record,
            "unreadable_content",
        ),
        "a_closed_pdf": (
            Good(good.key, fresh(good.headers), invoice(customer, "E", encrypted)).record,
            "encrypted_pdf",
        ),
        "a_picture": (good.anew(media_type="image/png"), "unsupported_media_type"),
        "an_object_of_nobody": (good.anew(content={"object": {"key": f"{SOURCE}/nobody"}}), "content_missing"),
        "an_object_of_others": (good.anew(content={"object": {"key": "billing/other/x"}}), "foreign_source"),
        "an_unknown_type": (good.with_header(b"ce_type", b"billing.Nonsense.v1"), "malformed_event"),
        "an_id_used_before": (good.saying(encoded({**good.data, "document_number": "other"})), "event_id_reused"),
    }
    return poisons(good, own)


async def feed(s: Stand, topic: Topic, first: RawRecord, bad: Sequence[Poison], goods: Iterator[RawRecord]) -> Fed:
    """One good record, then poison by poison with another good record behind it on the same partition."""
    fed: Fed = []
    async with raw_speaker(s.bootstrap) as speaker:

        async def put_good(record: RawRecord, partition: int | None = None) -> None:
            given = good_input(topic, record, await speaker.put(topic, record, partition))
            if given:
                s.history.acknowledged(given)

        await put_good(first)
        for one in bad:
            place = await speaker.put(topic, one.record)
            ce_id = next((value for name, value in one.record.headers if name == b"ce_id" and value), b"")
            s.history.acknowledged(Given(one.reason, ce_id.decode("utf-8", "replace"), place))
            fed.append((one, place))
            await put_good(next(goods), place[1])
    return fed


async def quarantined(s: Stand) -> list[RawRecord]:
    """What lies in quarantine, as the bytes that came."""
    rows = await s.sql("documents", "SELECT record_key, record_value, record_headers::text AS headers FROM quarantine")
    return [RawRecord(row["record_key"], row["record_value"], _told(json.loads(row["headers"]))) for row in rows]


def _told(pairs: list[list[Any]]) -> RawHeaders:
    return tuple(
        (name.encode("utf-8", "surrogateescape"), None if value is None else b64decode(value)) for name, value in pairs
    )


def buried(s: Stand, service: str) -> list[RawRecord]:
    """What the dead letters hold on the broker's disk, each as the record that it was."""
    logs = Path(s.servers.kafka.program.command[-1]).parent / "logs"
    return [_as_it_was(record) for record in on_disk(logs, dead_letters(service))]


def _as_it_was(letter: RawRecord) -> RawRecord:
    """Without what was added; odd names as dlq_header_names tells them. No key and no value had got an empty key."""
    own = [pair for pair in letter.headers if not pair[0].startswith(b"dlq_")]
    told = dict(letter.headers).get(b"dlq_header_names") or b""
    for part in filter(None, told.split(b",")):
        place, _, name = part.partition(b":")
        own[int(place)] = (b64decode(name), own[int(place)][1])
    key = None if letter.key == b"" and letter.value is None else letter.key
    return RawRecord(key, letter.value, tuple(own))


def assert_kept(fed: Fed, kept: Sequence[RawRecord]) -> None:
    """Every poison is there with its very bytes, and nothing besides."""
    given, there = Counter(one.record for one, _ in fed), Counter(kept)
    for one, place in fed:
        assert there[one.record] == given[one.record], f"{one.name} at {place} is kept {there[one.record]} times"
    assert there.total() == len(fed)


async def told_reasons(s: Stand, topic: Topic, ce_type: str) -> Counter[str]:
    """The reasons that billing hears."""
    records = await records_on(s.bootstrap, [topic.name])
    said = [record for record in records if ("ce_type", ce_type.encode()) in record.headers]
    return Counter(json.loads(record.value)["reason"] for record in said)


async def test_poison_among_documents_blocks_nothing(fault_servers: Servers) -> None:
    """All good documents are filed and told; each bad record is in quarantine byte for byte, and billing hears why."""
    much = scale("f11")
    async with stand("f11-documents", services=("documents",), servers=fault_servers) as s:
        before = await resources(s)
        load = asyncio.create_task(s.load(documents=much.documents, per_second=much.per_second, mix=PLAIN))
        fed: Fed = []
        for customer in s.customers[: much.rounds]:
            good = good_issue(customer)
            more = (good.anew(document_number=f"G-{customer}-{number}") for number in itertools.count())
            fed += await feed(s, topics.BILLING_DOCUMENTS, good.record, bad_documents(good), more)
        await load
        s.history.happened("healed")
        await s.drained(60)
        (await s.verdict(mails=False)).assert_clean()
        assert_kept(fed, await quarantined(s))
        good_ones = await s.sql("documents", "SELECT FROM document WHERE document_number LIKE 'G-%' AND version = 1")
        assert len(good_ones) == much.rounds + len(fed)
        told = await told_reasons(s, topics.DOCUMENTS, "documents.DocumentRejected.v1")
        assert told == Counter(one.reason for one, _ in fed)
        print(f"f11: {len(fed)} bad records, {dict(told)}")  # noqa: T201 - seen
        # Records of 1 MiB by the dozen: the buffers they need are kept, and grow no further (seen over 40 rounds).
        await assert_back(s, before, memory_mebibytes=96)


async def test_poison_among_customers_blocks_nothing(fault_servers: Servers) -> None:
    """Every good customer is registered; each bad record is a dead letter byte for byte, and billing hears why."""
    much = scale("f11")
    async with stand("f11-identity", services=("identity",), servers=fault_servers) as s:
        fed: Fed = []
        for round_ in range(much.rounds):
            good = _good(
                f"C{round_}", "billing.CustomerRegistered.v1", SOURCE, registration(f"C{round_}", "a@hof.example")
            )
            own = {
                "a_foreign_source": (good.with_header(b"ce_source", b"shop/web-1"), "foreign_source"),
                "an_unknown_type": (good.with_header(b"ce_type", b"billing.Nonsense.v1"), "malformed_event"),
                "no_address": (good.anew(email="nobody"), "invalid_field"),
                "an_id_used_before": (good.saying(encoded({**good.data, "company": "X"})), "event_id_reused"),
            }
            more = (good.anew(customer_number=f"C{round_}-{number}") for number in itertools.count())
            fed += await feed(s, topics.BILLING_CUSTOMERS, good.record, poisons(good, own), more)
        s.history.happened("healed")
        await s.drained(60)
        (await s.verdict(mails=False)).assert_clean()
        assert_kept(fed, buried(s, "identity"))
        assert len(await s.sql("identity", "SELECT FROM customer")) == much.rounds + len(fed)
        told = await told_reasons(s, topics.IDENTITY_CUSTOMERS, "identity.CustomerRejected.v1")
        assert told == Counter(one.reason for one, _ in fed)
        print(f"f11: {len(fed)} bad records, {dict(told)}")  # noqa: T201 - seen


def _good(key: str, ce_type: str, source: str, data: Data) -> Good:
    said = headers(ce_type, ce_source=source)
    return Good(key.encode(), tuple((name.encode(), value) for name, value in said), data)


def _somebody(user: Data, customer_number: str) -> Data:
    return {**user, "user_id": str(uuid4()), "customer_number": customer_number}


def _some_paper(paper: Data, customer_number: str) -> Data:
    return {**paper, "document_id": str(uuid4()), "customer_number": customer_number}


def _heard_by_the_notifier(number: int) -> list[tuple[Topic, Good, Callable[[int], RawRecord]]]:
    """A good event of each kind, and how to make more of them."""
    user, told, paper = (example(name) for name in ("UserCreated", "InitialPasswordIssued", "DocumentPublished"))
    created = _good(str(uuid4()), "identity.UserCreated.v1", "identity", _somebody(user, f"U{number}"))
    issued = _good(str(uuid4()), "identity.InitialPasswordIssued.v1", "identity", {**told, "secret": sealed("k7mq")})
    published = _good("P1", "documents.DocumentPublished.v1", "documents", _some_paper(paper, f"P{number}"))
    return [
        (topics.USERS, created, lambda n: created.anew(user_id=str(uuid4()), customer_number=f"U{number}-{n}")),
        (topics.CREDENTIALS, issued, lambda n: issued.anew(user_id=str(uuid4()), email=f"n{n}@hof-{number}.example")),
        (topics.DOCUMENTS, published, lambda n: published.anew(document_id=str(uuid4()), document_number=f"D{n}")),
    ]


async def test_poison_among_the_services_blocks_nothing(fault_servers: Servers) -> None:
    """On each of its three topics the notifier takes what is good; each bad record is a dead letter byte for byte."""
    much = scale("f11")
    async with stand("f11-notifier", services=("notifier",), servers=fault_servers) as s:
        fed: Fed = []
        for topic, good, another in itertools.chain(*map(_heard_by_the_notifier, range(much.rounds))):
            nulls = topic is not topics.USERS
            reused = (
                good.saying(encoded({**good.data, "username": "x" * 9, "document_number": "x"})),
                "event_id_reused",
            )
            bad = poisons(good, {"an_id_used_before": reused} if nulls else {}, nulls=nulls)
            fed += await feed(s, topic, good.record, bad, map(another, itertools.count()))
        s.history.happened("healed")
        took = await s.drained(60)
        print(f"f11: {len(fed)} bad records among the services, drained after {took:.1f} s")  # noqa: T201 - seen
        assert took < 60
        assert_kept(fed, buried(s, "notifier"))
        good_ones = Counter(place[0] for _, place in fed)
        for topic, taken in TAKEN.items():
            [[rows]] = await s.sql("notifier", taken)
            assert rows == good_ones[topic.name] + much.rounds, topic.name
