"""An identity service in memory: accounts, sessions and the steps a visitor still has to take."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PROBLEM = "application/problem+json"


def problem(status: int, kind: str, headers: dict[str, str] | None = None, **members: Any) -> Response:
    document = {"type": kind, "title": "Refused", "status": status, **members}
    return JSONResponse(document, status, headers, media_type=PROBLEM)


@dataclass
class Account:
    username: str
    password: str
    pending: list[str] = field(default_factory=list)
    language: str = "de"
    first_name: str = "Max"
    last_name: str = "Mustermann"
    company: str = "Hof Mustermann"
    salutation: str = "mr"
    user_id: str = "3f0c9a52-7b1e-4c1d-9a38-5a2b8f5a0001"

    def told(self) -> dict[str, Any]:
        return {
            "user": {
                "id": self.user_id,
                "username": self.username,
                "email": "max.mustermann@mail.de",
                "salutation": self.salutation,
                "first_name": self.first_name,
                "last_name": self.last_name,
                "language": self.language,
            },
            "customer": {"customer_number": "4711", "company": self.company},
            "role": "administrator",
            "pending": self.pending,
        }


class FakeIdentity:
    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.sessions: dict[str, Account] = {}
        self.requests: list[Request] = []
        self.principal_questions = 0
        self.answer_with: Response | None = None
        self.notice = {"version": "1", "title": "Datenschutzhinweise", "html": "<h2>Wozu</h2><p>Gern gelesen.</p>"}
        self.hold: asyncio.Event | None = None
        self.app = Starlette(
            routes=[
                Route("/api/v1/session", self._session, methods=["GET", "POST", "DELETE"]),
                Route("/api/v1/password", self._password, methods=["POST"]),
                Route("/api/v1/privacy-notice", self._notice),
                Route("/api/v1/privacy-notice/acceptance", self._acceptance, methods=["POST"]),
                Route("/internal/principal", self._principal, methods=["POST"]),
            ]
        )

    def add(self, account: Account) -> Account:
        self.accounts[account.username] = account
        return account

    def _account(self, request: Request) -> Account | None:
        self.requests.append(request)
        return self.sessions.get(request.headers.get("x-kundenportal-session", ""))

    async def _session(self, request: Request) -> Response:
        if self.answer_with is not None:
            return self.answer_with
        account = self._account(request)
        if request.method == "POST":
            return self._sign_in(await request.json())
        if account is None:
            return problem(401, "/problems/no-session")
        if request.method == "DELETE":
            del self.sessions[request.headers["x-kundenportal-session"]]
            return Response(status_code=204)
        return JSONResponse(account.told())

    def _sign_in(self, told: dict[str, str]) -> Response:
        account = self.accounts.get(told["username"])
        if account is None or account.password != told["password"]:
            return problem(401, "/problems/sign-in-refused")
        token = f"token-{len(self.sessions) + 1}-{account.username}"
        self.sessions[token] = account
        return JSONResponse(account.told(), headers={"x-kundenportal-session": token, "set-cookie": "inner=1"})

    async def _password(self, request: Request) -> Response:
        account, told = self._account(request), await request.json()
        if account is None:
            return problem(401, "/problems/no-session")
        if len(told["new_password"]) < 10:
            return problem(422, "/problems/password-refused", code="password_too_short")
        if "change_password" not in account.pending and told.get("current_password") != account.password:
            return problem(422, "/problems/password-refused", code="current_password_wrong")
        account.password = told["new_password"]
        account.pending = [step for step in account.pending if step != "change_password"]
        return Response(status_code=204)

    async def _notice(self, request: Request) -> Response:
        self.requests.append(request)
        return JSONResponse(self.notice)

    async def _acceptance(self, request: Request) -> Response:
        account = self._account(request)
        if account is None:
            return problem(401, "/problems/no-session")
        if (await request.json())["version"] != self.notice["version"]:
            return problem(409, "/problems/notice-outdated")
        account.pending = [step for step in account.pending if step != "accept_privacy_notice"]
        return Response(status_code=204)

    async def _principal(self, request: Request) -> Response:
        self.principal_questions += 1
        if self.answer_with is not None:
            return self.answer_with
        account = self._account(request)
        if self.hold is not None:
            await self.hold.wait()
        if account is None:
            return problem(401, "/problems/no-session")
        if account.pending:
            return problem(403, "/problems/pending-steps", pending=account.pending)
        return JSONResponse(
            {"principal": f"principal-of-{account.username}", "session_id": "s", "user_id": account.user_id}
        )
