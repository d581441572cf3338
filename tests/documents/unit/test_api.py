"""What documents answers over HTTP, and to whom."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from chassis.health import Health
from chassis.principal import Principal
from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.principals import PrincipalSigner
from documents.wiring import application
from tests.documents.making import NOW, reader
from tests.documents.memory import MemoryTransactions
from tests.documents.memory_shelf import MemoryShelf
from tests.documents.shelf_contract import file, several


class PlainLinks:
    def link(self, object_key: str, media_type: str) -> str:
        return f"http://s3/{object_key}?type={media_type}"


@dataclass
class Api:
    client: httpx2.AsyncClient
    signer: PrincipalSigner
    transactions: MemoryTransactions
    reader: Principal = field(default_factory=reader)

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        return await self.client.get(path, params=query, headers=self.signer.headers(self.reader))


@pytest.fixture
async def api(clock: FrozenClock) -> AsyncIterator[Api]:
    transactions, signer = MemoryTransactions(clock), PrincipalSigner(clock)
    app = application(MemoryShelf(transactions, clock), PlainLinks(), signer.verifier(), Health(clock))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://documents") as client:
        yield Api(client, signer, transactions)


PATHS = ["/api/v1/documents", f"/api/v1/documents/{UUID(int=1)}", f"/internal/documents/{UUID(int=1)}/content"]


@pytest.mark.parametrize("path", PATHS)
async def test_nobody_gets_nothing(api: Api, path: str) -> None:
    """Without a principal, or with one nobody signed, every route answers 401."""
    for headers in ({}, {"x-kundenportal-principal": "nonsense"}):
        answer = await api.client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_an_item_has_the_agreed_fields(api: Api) -> None:
    """The list's items have the fields of the interface, no more and no less."""
    id_ = await file(api.transactions, "R0099901888")
    answer = await api.get("/api/v1/documents")
    assert answer.json() == {
        "items": [
            {
                "id": str(id_),
                "document_number": "R0099901888",
                "document_type": "invoice",
                "issued_on": "2026-11-20",
                "published_at": "2026-11-23T12:00:00Z",
                "available_until": "2027-12-23",
                "version": 1,
                "corrected": False,
                "new": True,
                "media_type": "application/pdf",
                "size": 10,
                "has_xml": False,
                "gross_amount": "119.00",
                "currency": "EUR",
            }
        ],
        "next_cursor": None,
    }


async def test_the_newest_is_first_and_pages_follow(api: Api) -> None:
    """Without any wish the list goes by publication, newest first; the cursor leads on to the end."""
    await several(api.transactions)
    first = (await api.get("/api/v1/documents", limit=4)).json()
    second = (await api.get("/api/v1/documents", limit=4, cursor=first["next_cursor"])).json()
    numbers = [item["document_number"] for page in (first, second) for item in page["items"]]
    assert numbers[0] == "R3"
    assert len(set(numbers)) == 7
    assert second["next_cursor"] is None


async def test_filters_sort_and_groups_are_taken_from_the_query(api: Api) -> None:
    """Every parameter of the interface arrives where it belongs."""
    await several(api.transactions)
    query = {
        "type": ["invoice", "credit_note"],
        "issued_from": "2026-10-01",
        "issued_to": "2026-11-01",
        "new": "true",
        "sort": "document_number",
        "group": "month",
        "q": "r",
    }
    answer = (await api.get("/api/v1/documents", **query)).json()
    assert [item["document_number"] for item in answer["items"]] == ["r1", "R3", "R2"]
    assert answer["groups"] == [{"key": "2026-11", "count": 2}, {"key": "2026-10", "count": 1}]


@pytest.mark.parametrize("sort", ["published_at", "+published_at", "-published_at", "document_type", "-issued_on"])
async def test_each_field_sorts_both_ways(api: Api, sort: str) -> None:
    """A plus, a minus or nothing before the field is understood."""
    assert (await api.get("/api/v1/documents", sort=sort)).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 201},
        {"limit": 0},
        {"limit": "10e9"},
        {"sort": "size"},
        {"sort": "--published_at"},
        {"sort": "published_at\n"},
        {"group": "week"},
        {"new": "perhaps"},
        {"issued_from": "02.03.2018"},
        {"q": "x" * 201},
        {"type": ""},
        {"type": "\x00"},
        {"type": ["x"] * 51},
        {"cursor": "x"},
        {"cursor": "ü" * 3000},
    ],
)
async def test_a_query_beyond_its_bounds_is_422(api: Api, query: dict[str, Any]) -> None:
    """Whatever does not fit is a problem document and never an error of ours."""
    answer = await api.get("/api/v1/documents", **query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_a_tampered_cursor_is_a_problem_of_its_own(api: Api) -> None:
    """A cursor of another list tells so by its type."""
    await several(api.transactions)
    cursor = (await api.get("/api/v1/documents", limit=2)).json()["next_cursor"]
    answer = await api.get("/api/v1/documents", limit=2, sort="document_number", cursor=cursor)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-cursor")


async def test_a_document_is_told_with_its_versions(api: Api) -> None:
    """One document has the fields of an item and its versions, newest first, without where the bytes lie."""
    await file(api.transactions, content="a")
    id_ = await file(api.transactions, content="b", said_at=NOW + timedelta(minutes=1))
    body = (await api.get(f"/api/v1/documents/{id_}")).json()
    assert (body["id"], body["version"], body["corrected"]) == (str(id_), 2, True)
    assert [(version["version"], version["current"]) for version in body["versions"]] == [(2, True), (1, False)]
    assert "object_key" not in str(body)


@pytest.mark.parametrize("path", ["/api/v1/documents/{}", "/internal/documents/{}/content"])
async def test_foreign_unknown_and_nonsense_ids_answer_alike(api: Api, path: str) -> None:
    """Another customer's document, one that never was and what is no id get the very same answer."""
    foreign = await file(api.transactions, customer="4712")
    answers = [await api.get(path.format(id_)) for id_ in (foreign, UUID(int=9), "nonsense", "%00")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


async def test_content_is_a_link_with_a_name(api: Api) -> None:
    """The gateway gets a link, the name to save it under and what it needs for headers; the document is no longer new."""
    id_ = await file(api.transactions, "R0099901888")
    assert (await api.get(f"/internal/documents/{id_}/content")).json() == {
        "url": "http://s3/4711/a/R0099901888?type=application/pdf",
        "filename": "Rechnung R0099901888.pdf",
        "size": 10,
        "sha256": "a" * 64,
        "media_type": "application/pdf",
        "version": 1,
    }
    assert (await api.get("/api/v1/documents", new="true")).json()["items"] == []


async def test_content_of_an_older_version_says_so_in_its_name(api: Api) -> None:
    """A former version is opened by its number and named so."""
    await file(api.transactions, content="a")
    id_ = await file(api.transactions, content="b", said_at=NOW + timedelta(minutes=1))
    body = (await api.get(f"/internal/documents/{id_}/content", version=1)).json()
    assert (body["version"], body["filename"]) == (1, "Rechnung R1 (Version 1).pdf")


async def test_a_look_without_record_keeps_it_new(api: Api) -> None:
    """record=false leaves the document new, as HEAD and an unchanged copy at the reader's must."""
    id_ = await file(api.transactions)
    assert (await api.get(f"/internal/documents/{id_}/content", record="false")).status_code == 200
    assert len((await api.get("/api/v1/documents", new="true")).json()["items"]) == 1


@pytest.mark.parametrize("version", [0, -1, 2**31, "x"])
async def test_a_version_that_is_none_is_422(api: Api, version: object) -> None:
    """A version is a number from 1 on."""
    id_ = await file(api.transactions)
    assert (await api.get(f"/internal/documents/{id_}/content", version=version)).status_code == 422


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_is_changed_by_other_methods(api: Api, method: str) -> None:
    """These routes only read."""
    headers = api.signer.headers(api.reader)
    assert (await api.client.request(method, PATHS[0], headers=headers)).status_code == 405
