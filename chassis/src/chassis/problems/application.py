"""The FastAPI application that every service starts from."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from chassis.health import Health
from chassis.problems.body_limit import BodyLimit
from chassis.problems.handlers import add_problem_handlers

MAX_BODY_BYTES = 1024 * 1024

# Its logs would carry the text of exceptions, its operation spans cost 0.16 ms a request.
TELEMETRY = {"logs": False, "operation_spans": False, "auto_configure": False}


def create_app(service: str, health: Health, *, max_body_bytes: int = MAX_BODY_BYTES, **options: Any) -> FastAPI:
    """Make an application with problem documents for every error, a limit on bodies, /alive and /ready.

    It shows no pages and no OpenAPI document of its own; `options` are FastAPI's and win over these defaults.
    """
    defaults: dict[str, Any] = {
        "title": service,
        "openapi_url": None,
        "docs_url": None,
        "redoc_url": None,
        "redirect_slashes": False,
        "telemetry": TELEMETRY,
    }
    app = _Application(**{**defaults, **options})
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    add_problem_handlers(app)
    _add_probes(app, health)
    return app


class _Application(FastAPI):
    """Keeps an exception that was answered with a 500 and logged from being logged again by the server."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = False

        async def watching_send(message: Message) -> None:
            nonlocal answered
            await send(message)
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await super().__call__(scope, receive, watching_send)
        except Exception:
            if not answered:
                raise


def _add_probes(app: FastAPI, health: Health) -> None:
    @app.get("/alive", include_in_schema=False)
    async def alive() -> PlainTextResponse:
        return PlainTextResponse("alive") if health.alive() else PlainTextResponse("stuck", 503)

    @app.get("/ready", include_in_schema=False)
    async def ready() -> PlainTextResponse:
        return PlainTextResponse("ready") if await health.ready() else PlainTextResponse("unready", 503)
