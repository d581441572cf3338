"""What billing says wrongly becomes a dead letter and a CustomerRejected, and nothing else happens."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from chassis.messaging.subscriptions import Event, Malformed, Record
from chassis.testing.frozen_clock import FrozenClock
from identity.use_cases.close_customers import CloseCustomers
from identity.use_cases.register_customers import RegisterCustomers
from identity.use_cases.reject_malformed_records import RejectMalformedRecords
from kundenportal_contracts.billing import CustomerRegistered
from tests.identity.making import NOW, PlainPasswords, PlainSecrets, event, registration, said, settle
from tests.identity.memory import MemoryTransactions


@pytest.fixture
def transactions(clock: FrozenClock) -> MemoryTransactions:
    return MemoryTransactions(clock)


@pytest.fixture
def register(clock: FrozenClock) -> RegisterCustomers:
    return RegisterCustomers(CustomerRegistered, ("billing/*",), PlainPasswords(), PlainSecrets(), clock)


def rejected(transactions: MemoryTransactions) -> Sequence[dict[str, Any]]:
    return said(transactions.tables.outbox, "CustomerRejected")


WRONG: list[tuple[str, Event]] = [
    ("malformed_event", event(b"{not json")),
    ("malformed_event", event(b"[]")),
    ("malformed_event", event(b"")),
    ("malformed_event", event(None)),
    ("malformed_event", event(b"\xff\xfe")),
    ("malformed_event", event(b'{"customer_number": "\\ud800"}')),
    ("malformed_event", event(b"{not json", source="shop/web-1")),
    ("foreign_source", event(registration(), source="shop/web-1")),
    ("foreign_source", event(registration(language="xx"), source="billing")),
    ("invalid_field", event(registration(language="xx"))),
    ("invalid_field", event(registration(salutation=None))),
    ("invalid_field", event(registration(email="no address"))),
    ("invalid_field", event(registration(email="a@b.example\r\nBcc: c@d.example"))),
    ("invalid_field", event(registration(company="Hof\0Mustermann"))),
    ("invalid_field", event(registration(first_name="=?utf-8?q?x?="))),
    ("invalid_field", event(registration(customer_number="47 11"))),
    ("invalid_field", event(registration(customer_number=4711))),
    ("invalid_field", event({"customer_number": "4711"})),
    ("invalid_field", event(registration(), time=NOW + timedelta(hours=24, seconds=1))),
]


@pytest.mark.parametrize(("reason", "wrong"), WRONG)
async def test_a_bad_record_is_refused(
    register: RegisterCustomers, transactions: MemoryTransactions, reason: str, wrong: Event
) -> None:
    """The first check that fails gives the reason; the record as it came goes to the dead letters."""
    [letter] = await settle(register, transactions, wrong)
    assert (letter.reason, letter.record) == (reason, wrong.record)
    [told] = rejected(transactions)
    assert (told["reason"], told["ce_id"], told["ce_source"]) == (reason, wrong.id, wrong.source)
    assert transactions.tables.customers == {}
    assert transactions.tables.inbox == {}


async def test_a_detail_names_the_field_and_not_its_value(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """What is told may be read by more people than what was said."""
    await settle(register, transactions, event(registration(email="secret-looking value")))
    [told] = rejected(transactions)
    assert "email" in told["detail"]
    assert "secret" not in told["detail"]


async def test_good_records_beside_a_bad_one_are_taken(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """One customer's mistake is not another's."""
    events = [event(registration(customer_number=number, username=None)) for number in ("1", "2")]
    [letter] = await settle(register, transactions, events[0], event(b"nonsense"), events[1])
    assert letter.reason == "malformed_event"
    assert set(transactions.tables.customers) == {"1", "2"}


async def test_an_event_id_with_another_value_is_refused(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """Also within one batch, and before the fields are looked at."""
    first = event(registration(), event_id="e-1")
    [same_batch] = await settle(register, transactions, first, event(registration(company="X"), event_id="e-1"))
    [later] = await settle(register, transactions, event(registration(language="xx"), event_id="e-1"))
    assert (same_batch.reason, later.reason) == ("event_id_reused", "event_id_reused")
    assert transactions.tables.customers["4711"].company == "Hof Mustermann"


async def test_a_rejected_record_is_judged_afresh(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """It leaves no trace: the same id may come again, wrong or put right, also within one batch."""
    wrong = [event(registration(language="xx"), event_id="e-1") for _ in range(2)]
    letters = await settle(register, transactions, *wrong, event(registration(), event_id="e-1"))
    assert [letter.reason for letter in letters] == ["invalid_field", "invalid_field"]
    assert set(transactions.tables.customers) == {"4711"}


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (event(registration(language="xx"), key=b"record-key"), "4711"),
        (event(registration(customer_number="47 11"), key=b"record-key"), "record-key"),
        (event(b"nonsense", key=None, event_id="e-1"), "e-1"),
        (event(b"nonsense", key=b"\0", event_id="e-2"), "e-2"),
    ],
)
async def test_a_rejection_has_the_best_key(
    register: RegisterCustomers, transactions: MemoryTransactions, wrong: Event, key: str
) -> None:
    """The customer number, else the record's key, else the event's id."""
    await settle(register, transactions, wrong)
    assert [row.key for row in transactions.tables.outbox] == [key]


async def test_reading_a_bad_record_again_says_the_same_event(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """Who hears the rejection twice knows by its id that it is one."""
    wrong = event(b"nonsense")
    await settle(register, transactions, wrong)
    await settle(register, transactions, wrong)
    assert len({row.ce_id for row in transactions.tables.outbox}) == 1


async def test_a_record_that_is_no_event_is_told_as_far_as_it_can_be_read(transactions: MemoryTransactions) -> None:
    """Without an envelope, what is left of headers and value makes the rejection."""
    value = json.dumps(registration()).encode()
    records = [
        Record("billing.customers.v1", 0, 1, None, value, (("ce_id", b"e-1"), ("ce_source", b"billing/\xff"))),
        Record("billing.customers.v1", 0, 2, None, None, ()),
    ]
    handler = RejectMalformedRecords()
    prepared = await handler.prepare([Malformed(record, "header ce_time is missing") for record in records])
    async with transactions.service() as work:
        letters = await handler.apply(prepared, work)
    assert [letter.reason for letter in letters] == ["malformed_event", "malformed_event"]
    first, second = rejected(transactions)
    assert (first["customer_number"], first["ce_id"]) == ("4711", "e-1")
    assert (second["customer_number"], second["ce_id"], second["ce_source"]) == (None, "", "")
    assert [row.key for row in transactions.tables.outbox] == ["4711", "billing.customers.v1/0/2"]


async def test_a_bad_closing_is_refused_alike(transactions: MemoryTransactions, clock: FrozenClock) -> None:
    """Closings go through the same checks."""
    closing = event({"customer_number": "4711"}, ce_type="billing.CustomerClosed.v1")
    [letter] = await settle(CloseCustomers(("billing/*",), clock), transactions, closing)
    assert letter.reason == "invalid_field"
