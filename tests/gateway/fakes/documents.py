"""A documents service in memory: enough of search, order, groups and paging for the pages to be driven."""

import hashlib
from collections import Counter
from datetime import date, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.gateway.fakes.identity import problem

Item = dict[str, Any]
_TYPES = ("invoice", "invoice", "credit_note", "delivery_note", "invoice", "statement", "reminder")


def item(number: int, **changes: Any) -> Item:
    issued = date(2018, 3, 2) - timedelta(days=11 * number)
    published = issued + timedelta(days=number % 3)
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "document_number": f"R{99901888 - 7 * number:010d}",
        "document_type": _TYPES[number % len(_TYPES)],
        "issued_on": issued.isoformat(),
        "published_at": f"{published}T07:15:00Z",
        "available_until": (published + timedelta(days=396)).isoformat(),
        "version": 1,
        "corrected": False,
        "new": number < 3,
        "media_type": "application/pdf",
        "size": 81_234 + 977 * number,
        "has_xml": False,
        "gross_amount": f"{1234 + 311 * number}.5{number % 10}" if number % 4 else None,
        "currency": "EUR" if number % 4 else None,
        **changes,
    }


class FakeDocuments:
    def __init__(self) -> None:
        self.items: list[Item] = []
        self.content = b"%PDF-1.7 " + bytes(range(256)) * 400
        self.filename = "Rechnung_R0099901888.pdf"
        self.versions: list[Item] = []
        self.recorded = 0
        self.requests: list[Request] = []
        self.answer_with: Response | None = None
        self.app = Starlette(
            routes=[
                Route("/api/v1/documents", self._list),
                Route("/api/v1/documents/{id}", self._one),
                Route("/internal/documents/{id}/content", self._content),
            ]
        )

    async def _list(self, request: Request) -> Response:
        self.requests.append(request)
        if self.answer_with is not None:
            return self.answer_with
        asked = request.query_params
        if asked.get("cursor", "0") not in {str(number) for number in range(1000)}:
            return problem(422, "/problems/invalid-cursor")
        found = [entry for entry in self.items if _matches(entry, asked)]
        sort = asked.get("sort", "-published_at")
        found.sort(key=lambda entry: (entry[sort.removeprefix("-")], entry["id"]), reverse=sort.startswith("-"))
        if "group" in asked:
            found.sort(key=lambda entry: _group(entry, asked["group"]), reverse=asked["group"] != "type")
        start, limit = int(asked.get("cursor", 0)), int(asked.get("limit", 50))
        answer: dict[str, Any] = {
            "items": found[start : start + limit],
            "next_cursor": str(start + limit) if start + limit < len(found) else None,
        }
        if "group" in asked:
            counts = Counter(_group(entry, asked["group"]) for entry in found)
            answer["groups"] = [{"key": key, "count": count} for key, count in sorted(counts.items())]
        return JSONResponse(answer)

    async def _one(self, request: Request) -> Response:
        self.requests.append(request)
        entry = self._find(request)
        if entry is None:
            return problem(404, "/problems/not-found")
        return JSONResponse({**entry, "versions": self.versions})

    async def _content(self, request: Request) -> Response:
        self.requests.append(request)
        entry = self._find(request)
        if entry is None:
            return problem(404, "/problems/not-found")
        if request.query_params.get("record") != "false":
            self.recorded += 1
            entry["new"] = False
        return JSONResponse(
            {
                "url": "http://files.test/bucket/key?signature=s",
                "filename": self.filename,
                "size": len(self.content),
                "sha256": hashlib.sha256(self.content).hexdigest(),
                "media_type": "application/pdf",
                "version": 1,
            }
        )

    def _find(self, request: Request) -> Item | None:
        return next((entry for entry in self.items if entry["id"] == request.path_params["id"]), None)


def _matches(entry: Item, asked: Any) -> bool:
    return (
        asked.get("q", "").lower() in entry["document_number"].lower()
        and asked.get("type", entry["document_type"]) == entry["document_type"]
        and asked.get("issued_from", "") <= entry["issued_on"] <= asked.get("issued_to", "9999")
        and (asked.get("new") != "true" or entry["new"])
    )


def _group(entry: Item, by: str) -> str:
    text: str = entry["document_type"] if by == "type" else entry["issued_on"][: 4 if by == "year" else 7]
    return text
