"""Customers as billing tells them become customers with a first user, once."""

from collections.abc import Sequence
from typing import Any

import pytest

from chassis.testing.frozen_clock import FrozenClock
from identity.domain import LETTERS
from identity.use_cases.register_customers import RegisterCustomers
from kundenportal_contracts.billing import CustomerChanged, CustomerRegistered
from tests.identity.making import PlainPasswords, PlainSecrets, event, registration, said, settle
from tests.identity.memory import MemoryTransactions

CHANGED = "billing.CustomerChanged.v1"


@pytest.fixture
def transactions(clock: FrozenClock) -> MemoryTransactions:
    return MemoryTransactions(clock)


@pytest.fixture
def register(clock: FrozenClock) -> RegisterCustomers:
    return RegisterCustomers(CustomerRegistered, ("billing/*",), PlainPasswords(), PlainSecrets(), clock)


@pytest.fixture
def change(clock: FrozenClock) -> RegisterCustomers:
    return RegisterCustomers(CustomerChanged, ("billing/*",), PlainPasswords(), PlainSecrets(), clock)


def values(transactions: MemoryTransactions, ce_type: str) -> list[dict[str, Any]]:
    return said(transactions.tables.outbox, ce_type)


def types(transactions: MemoryTransactions) -> Sequence[str]:
    return [row.ce_type.split(".")[1] for row in transactions.tables.outbox]


async def test_a_registration_makes_the_first_user(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """The first user is an invited administrator; everybody concerned is told."""
    assert await settle(register, transactions, event(registration(first_name="Zoë", last_name="Łuk"))) == []
    [created] = values(transactions, "UserCreated")
    assert (created["role"], created["status"], created["first"]) == ("administrator", "invited", True)
    assert (created["user_version"], created["username"], created["last_name"]) == (1, "s8u8i1", "Łuk")
    [accepted] = values(transactions, "CustomerAccepted")
    assert accepted == {"customer_number": "4711", "user_id": created["user_id"], "username": "s8u8i1"}
    assert types(transactions) == ["UserCreated", "InitialPasswordIssued", "CustomerAccepted"]


async def test_the_welcome_mail_gets_all_it_needs(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """Name, address and the sealed password travel in one event, as it may overtake the user's own."""
    await settle(register, transactions, event(registration()))
    [issued] = values(transactions, "InitialPasswordIssued")
    [user_id] = transactions.tables.users
    secret = issued.pop("secret")
    assert issued == {
        "user_id": str(user_id),
        "customer_number": "4711",
        "username": "s8u8i1",
        "salutation": "mr",
        "first_name": "Max",
        "last_name": "Mustermann",
        "language": "de",
        "email": "max.mustermann@mail.example",
        "old_email": None,
        "expires_at": "2026-12-07T12:00:00Z",
    }
    password = secret.split(".")[3]
    assert transactions.tables.credentials[user_id].password_hash == f"initial:{password}"


async def test_a_registration_said_again_changes_nothing(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """The same event twice, in one batch or in two, takes effect once."""
    once = event(registration(), event_id="e-1")
    again = event(registration(), event_id="e-1")
    await settle(register, transactions, once, again)
    await settle(register, transactions, again)
    assert types(transactions) == ["UserCreated", "InitialPasswordIssued", "CustomerAccepted"]


async def test_a_customer_registered_twice_in_one_batch_is_one(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """The first word makes the user, the last one the company; both are answered."""
    twice = [event(registration()), event(registration(company="Hof & Söhne", email="other@mail.example"))]
    await settle(register, transactions, *twice)
    assert transactions.tables.customers["4711"].company == "Hof & Söhne"
    [user] = transactions.tables.users.values()
    assert user.email == "max.mustermann@mail.example"
    assert types(transactions) == ["UserCreated", "InitialPasswordIssued", "CustomerAccepted", "CustomerAccepted"]


async def test_registered_again_counts_as_changed(
    register: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """A new event about a known customer touches company and language, never the person, and brings no second mail."""
    await settle(register, transactions, event(registration()))
    other = registration(company="Neu", email="new@mail.example", first_name="Eva", username="e1v2a3")
    await settle(register, transactions, event(other))
    assert transactions.tables.customers["4711"].company == "Neu"
    [user] = transactions.tables.users.values()
    assert (user.email, user.first_name, user.username) == ("max.mustermann@mail.example", "Max", "s8u8i1")
    assert types(transactions)[3:] == ["CustomerAccepted"]
    assert values(transactions, "CustomerAccepted")[1]["username"] == "s8u8i1"


async def test_a_change_of_language_reaches_the_user(
    register: RegisterCustomers, change: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """Who has chosen no language goes along with the customer; the version grows."""
    await settle(register, transactions, event(registration()))
    await settle(change, transactions, event(registration(language="en"), ce_type=CHANGED))
    [changed] = values(transactions, "UserChanged")
    assert (changed["language"], changed["user_version"], changed["status"]) == ("en", 2, "invited")


async def test_an_own_language_stays(
    register: RegisterCustomers, change: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """A user who has chosen a language keeps it."""
    await settle(register, transactions, event(registration()))
    [user_id] = transactions.tables.users
    transactions.tables.own_languages[user_id] = "de"
    await settle(change, transactions, event(registration(language="en"), ce_type=CHANGED))
    assert values(transactions, "UserChanged") == []


async def test_a_change_that_changes_nothing_says_nothing(
    register: RegisterCustomers, change: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """The same company and language again are no news to anybody."""
    await settle(register, transactions, event(registration()))
    await settle(change, transactions, event(registration(), ce_type=CHANGED))
    assert len(types(transactions)) == 3


async def test_a_change_of_an_unknown_customer_registers_it(
    change: RegisterCustomers, transactions: MemoryTransactions
) -> None:
    """It carries all that is needed, so nobody is lost because one event was; two of them are answered once."""
    two = [event(registration(), ce_type=CHANGED), event(registration(company="Neu"), ce_type=CHANGED)]
    await settle(change, transactions, *two)
    assert types(transactions) == ["UserCreated", "InitialPasswordIssued", "CustomerAccepted"]
    assert transactions.tables.customers["4711"].company == "Neu"


@pytest.mark.parametrize("wish", [None, "", "ab", "Max Mustermann", "<script>", "ü" * 200])
async def test_a_refused_username_is_made(
    register: RegisterCustomers, transactions: MemoryTransactions, wish: str | None
) -> None:
    """Billing is told the name that was made."""
    assert await settle(register, transactions, event(registration(username=wish))) == []
    [accepted] = values(transactions, "CustomerAccepted")
    assert accepted["username"][0] in LETTERS
    assert len(accepted["username"]) == 6


async def test_a_taken_username_is_made(register: RegisterCustomers, transactions: MemoryTransactions) -> None:
    """The second customer who asks for a name gets another one, whatever its case, also in the same batch."""
    events = [event(registration(customer_number=number, username="S8U8I1")) for number in ("4711", "4712")]
    await settle(register, transactions, *events)
    await settle(register, transactions, event(registration(customer_number="4713")))
    names = [one["username"] for one in values(transactions, "CustomerAccepted")]
    assert len(set(names)) == 3
    assert names[0] == "s8u8i1"
    issued = {one["customer_number"]: one["username"] for one in values(transactions, "InitialPasswordIssued")}
    assert issued == dict(zip(("4711", "4712", "4713"), names, strict=True))


async def test_a_batch_can_be_applied_again(register: RegisterCustomers, transactions: MemoryTransactions) -> None:
    """After a rollback the same prepared batch, or half of it, gives the same result."""
    prepared = await register.prepare(
        [event(registration(customer_number=number, username=None)) for number in ("4711", "4712")]
    )
    before = repr(prepared)
    for run in (prepared, prepared[:1], prepared[1:]):
        async with MemoryTransactions(register.clock).service() as work:
            await register.apply(run, work)
    assert repr(prepared) == before
