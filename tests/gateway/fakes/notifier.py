"""A notifier in memory: one visitor's settings and what became of the mails."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class FakeNotifier:
    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"default": "notice", "by_type": {}}
        self.deliveries: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self.answer_with: Response | None = None
        self.app = Starlette(
            routes=[
                Route("/api/v1/notification-settings", self._settings, methods=["GET", "PUT"]),
                Route("/api/v1/deliveries", self._deliveries),
            ]
        )

    async def _settings(self, request: Request) -> Response:
        self.requests.append(request)
        if self.answer_with is not None:
            return self.answer_with
        if request.method == "PUT":
            self.settings = await request.json()
        return JSONResponse(self.settings)

    async def _deliveries(self, request: Request) -> Response:
        self.requests.append(request)
        if self.answer_with is not None:
            return self.answer_with
        return JSONResponse({"items": self.deliveries, "next_cursor": None})


def delivery(address: str, state: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": "d",
        "document_id": "x",
        "document_number": "R1",
        "address": address,
        "form": "attachment",
        "state": state,
        "reason": None,
        "updated_at": "2018-03-02T07:16:11Z",
        **changes,
    }
