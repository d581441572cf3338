"""Notification settings and the delivery log over HTTP, as the gateway asks for them with a principal."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.health import Health
from chassis.principal import Principal
from chassis.testing.principals import PrincipalSigner, make_principal
from notifier.domain import NewDelivery, State
from notifier.ports import Result
from notifier.wiring import application, service_work
from tests.notifier.samples import credential_delivery, delivery, document, user

pytestmark = pytest.mark.integration

SETTINGS, DELIVERIES = "/api/v1/notification-settings", "/api/v1/deliveries"


def cursor_of(place: str) -> str:
    """A cursor as nobody was given it."""
    return urlsafe_b64encode(f"{place} {uuid4()}".encode()).decode().rstrip("=")


class Caller:
    def __init__(self, client: httpx2.AsyncClient, database: Database, signer: PrincipalSigner) -> None:
        self.client, self.signer = client, signer
        self.begin = service_work(database, SystemClock())

    async def get(self, path: str, who: Principal, **query: Any) -> httpx2.Response:
        return await self.client.get(path, params=query, headers=self.signer.headers(who))

    async def put(self, who: Principal, body: object) -> httpx2.Response:
        return await self.client.put(SETTINGS, json=body, headers=self.signer.headers(who))

    async def queue(self, *deliveries: NewDelivery) -> None:
        """Each in a transaction of its own, so that the log has an order."""
        for each in deliveries:
            async with self.begin() as work:
                await work.documents.remember([each.document] if each.document else [])
                await work.deliveries.queue([each])


@pytest.fixture
async def caller(database: Database) -> AsyncIterator[Caller]:
    signer = PrincipalSigner()
    app = application(database, signer.verifier(), SystemClock(), Health())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://notifier") as client:
        yield Caller(client, database, signer)


@pytest.mark.parametrize("path", [SETTINGS, DELIVERIES])
async def test_nobody_gets_nothing(caller: Caller, path: str) -> None:
    """Without a principal, or with one that somebody else signed, it is a 401."""
    assert (await caller.client.get(path)).status_code == 401
    foreign = PrincipalSigner().headers(make_principal())
    assert (await caller.client.get(path, headers=foreign)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"default": "always"},
        {"default": None},
        {"default": "none", "by_type": {"invoice": "always"}},
        {"default": "none", "by_type": {"unheard_of": "none"}},
        {"default": "none", "by_type": []},
        {"default": "none", "by_type": {}, "user_id": str(uuid4())},
        {"default": "none", "customer_number": "4712"},
        [],
    ],
)
async def test_settings_that_make_no_sense_are_refused(caller: Caller, body: object) -> None:
    """Unknown modes, types and fields: 422, and nothing changes."""
    who = make_principal()
    assert (await caller.put(who, body)).status_code == 422
    assert (await caller.get(SETTINGS, who)).json() == {"default": "notice", "by_type": {}}


async def test_settings_are_each_users_own(caller: Caller) -> None:
    """They may precede the user's event, and say nothing to others of the same customer."""
    one, other = make_principal(), make_principal()
    wanted = {"default": "attachment", "by_type": {"invoice": "notice", "contract": "none"}}
    answer = await caller.put(one, wanted)
    assert (answer.status_code, answer.json()) == (200, wanted)
    assert (await caller.get(SETTINGS, one)).json() == wanted
    assert (await caller.get(SETTINGS, other)).json() == {"default": "notice", "by_type": {}}
    assert (await caller.put(one, {"default": "none"})).json() == {"default": "none", "by_type": {}}


async def test_a_line_of_the_log_has_its_fields(caller: Caller) -> None:
    """As interfaces.md names them, and the document's number from its event."""
    about = document()
    await caller.queue(delivery(about))
    [item] = (await caller.get(DELIVERIES, make_principal())).json()["items"]
    assert UUID(item.pop("id"))
    assert item.pop("updated_at")
    assert item.pop("queued_at")
    assert item == {
        "purpose": "document_published",
        "document_id": str(about.document_id),
        "document_number": "R0099901888",
        "address": "max@hof.example",
        "form": "notice",
        "state": "queued",
        "reason": None,
    }


async def test_another_customers_deliveries_are_nobodys_business(caller: Caller) -> None:
    """Not in the list, not by document, not by address."""
    foreign = document(customer_number="4712")
    await caller.queue(delivery(foreign))
    for query in ({}, {"document_id": str(foreign.document_id)}, {"address": "max@hof.example"}):
        assert (await caller.get(DELIVERIES, make_principal("4711"), **query)).json()["items"] == []


async def test_a_member_sees_what_went_to_the_own_address(caller: Caller) -> None:
    """Also where the address is written otherwise; an administrator sees all."""
    me = user(email="Ich@Hof.example", role="member")
    async with caller.begin() as work:
        await work.address_book.keep([me])
    await caller.queue(delivery(address="ich@hof.example"), delivery(address="andere@hof.example"))
    member = make_principal(role="member", user_id=me.user_id)
    stranger = make_principal(role="member")
    own = (await caller.get(DELIVERIES, member)).json()["items"]
    assert [item["address"] for item in own] == ["ich@hof.example"]
    assert (await caller.get(DELIVERIES, member, address="andere@hof.example")).json()["items"] == []
    assert (await caller.get(DELIVERIES, stranger)).json()["items"] == []
    assert len((await caller.get(DELIVERIES, make_principal())).json()["items"]) == 2


async def test_the_log_is_read_page_by_page(caller: Caller) -> None:
    """Newest first, each line once, an end without a cursor."""
    await caller.queue(*(delivery(address=f"u{number}@hof.example") for number in range(5)))
    who, cursor, seen = make_principal(), None, []
    while True:
        page = (await caller.get(DELIVERIES, who, limit=2, **({"cursor": cursor} if cursor else {}))).json()
        seen += [item["address"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"u{number}@hof.example" for number in (4, 3, 2, 1, 0)]


async def test_dot_pending_is_shown_as_sending(caller: Caller) -> None:
    """What it waits for is nobody's business outside; the filter finds it under that name."""
    await caller.queue(delivery(), delivery(address="zwei@hof.example"))
    async with caller.begin() as work:
        [mail] = await work.deliveries.claim(1, ())
        await work.deliveries.mark_dot_pending([mail.ticket])
    [shown] = (await caller.get(DELIVERIES, make_principal(), state="sending")).json()["items"]
    assert (shown["state"], shown["id"]) == ("sending", str(mail.ticket.delivery_id))
    async with caller.begin() as work:
        await work.deliveries.settle([Result(mail.ticket, State.BOUNCED, "rcpt: 550 no")])
    [shown] = (await caller.get(DELIVERIES, make_principal(), state="bounced")).json()["items"]
    assert shown["reason"] == "rcpt: 550 no"


async def test_a_password_mail_shows_no_secret(caller: Caller) -> None:
    """It stands in the log like any other, without a document."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 -- only here

    await caller.queue(credential_delivery(datetime.now(UTC) + timedelta(days=1)))
    answer = await caller.get(DELIVERIES, make_principal())
    [item] = answer.json()["items"]
    assert (item["purpose"], item["document_id"], item["document_number"]) == ("initial_password", None, None)
    assert "sealed" not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 201},
        {"limit": "10**9"},
        {"state": "dot_pending"},
        {"state": "x"},
        {"document_id": "1"},
        {"cursor": "tampered"},
        {"cursor": "ü"},
        {"cursor": "MjAyNi0xMS0yMyAx"},
        {"cursor": "x" * 300},
        {"cursor": cursor_of("9999-12-31T23:59:59-14:00")},
        {"cursor": cursor_of("0001-01-01T00:00:00+14:00")},
        {"cursor": cursor_of("2026-11-23T00:00:00")},
        {"customer_number": "4712"},
        {"address": "x" * 300},
        {"address": "a\x00b"},
    ],
)
async def test_odd_questions_are_refused(caller: Caller, query: dict[str, Any]) -> None:
    """422, whatever is odd about them."""
    answer = await caller.get(DELIVERIES, make_principal(), **query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
