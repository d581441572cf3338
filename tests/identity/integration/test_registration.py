"""Customers by the batch on a real database."""

import asyncio
import time
from dataclasses import replace

import pytest

from identity.use_cases.close_customers import CloseCustomers
from identity.use_cases.register_customers import RegisterCustomers
from kundenportal_contracts.billing import CustomerChanged
from tests.identity.making import event, registration, settle
from tests.identity.service import Service

pytestmark = pytest.mark.integration


async def test_a_large_batch_is_quick(service: Service) -> None:
    """Five hundred customers, each with a password of its own, take less CPU than a hundred sign-ins."""
    events = [event(registration(customer_number=f"C{number}", username=None)) for number in range(500)]
    started = time.process_time()
    assert await settle(service.register, service.transactions, *events) == []
    assert time.process_time() - started < 5
    assert len(await service.said("InitialPasswordIssued")) == 500
    assert len({one["username"] for one in await service.said("CustomerAccepted")}) == 500


async def test_two_consumers_with_the_same_customer_make_one_user(service: Service) -> None:
    """After a rebalance both may hold it; under other ids and wishes it is still one customer."""
    other = replace(service.register)
    await asyncio.gather(
        settle(service.register, service.transactions, event(registration(company="A"))),
        settle(other, service.transactions, event(registration(company="B", username="w1x2y3"))),
    )
    assert len(await service.said("UserCreated")) == 1
    assert len(await service.said("InitialPasswordIssued")) == 1
    assert len({one["user_id"] for one in await service.said("CustomerAccepted")}) == 1


async def test_two_consumers_with_one_username_give_it_once(service: Service) -> None:
    """The other customer gets a name that is made."""
    events = [event(registration(customer_number=number)) for number in ("4711", "4712")]
    await asyncio.gather(*(settle(service.register, service.transactions, one) for one in events))
    names = [one["username"] for one in await service.said("CustomerAccepted")]
    assert len(set(names)) == 2
    assert "s8u8i1" in names


async def test_names_of_all_kinds_come_through(service: Service) -> None:
    """Umlauts, Polish letters and apostrophes are stored and said as they came."""
    names = {"company": "Köhler & Łoś »GmbH«", "first_name": "Zoë-Ærø", "last_name": "O'Łukaszewicz-Müßig"}
    await service.registered(**names)
    [created] = await service.said("UserCreated")
    assert (created["first_name"], created["last_name"]) == (names["first_name"], names["last_name"])
    async with service.transactions.service() as work:
        assert (await work.customers.lock(["4711"]))["4711"].company == names["company"]


async def test_change_and_closing_on_the_real_tables(service: Service) -> None:
    """A changed language and a closing reach the user in order, each with a higher version."""
    session = await service.onboarded()
    change = RegisterCustomers(
        CustomerChanged, ("billing/*",), service.passwords, service.register.secrets, service.clock
    )
    changed = event(registration(language="en"), ce_type="billing.CustomerChanged.v1")
    await settle(change, service.transactions, changed)
    assert (await service.http.get("/api/v1/session", headers=session)).json()["user"]["language"] == "en"
    closing = event({"customer_number": "4711", "reason": "x"}, ce_type="billing.CustomerClosed.v1")
    await settle(CloseCustomers(("billing/*",), service.clock), service.transactions, closing)
    assert (await service.http.get("/api/v1/session", headers=session)).status_code == 401
    versions = [one["user_version"] for one in await service.said("UserChanged")]
    assert versions == [2, 3]
    [gone] = await service.said("UserDeactivated")
    assert gone["user_version"] == 4


async def test_a_rollback_leaves_nothing(service: Service) -> None:
    """A batch that fails half-way and is applied again gives one user and one mail."""
    prepared = await service.register.prepare([event(registration())])

    async def fail() -> None:
        async with service.transactions.service() as work:
            await service.register.apply(prepared, work)
            raise TimeoutError

    with pytest.raises(ConnectionError):
        await fail()
    assert await service.said("UserCreated") == []
    async with service.transactions.service() as work:
        await service.register.apply(prepared, work)
    assert len(await service.said("InitialPasswordIssued")) == 1
