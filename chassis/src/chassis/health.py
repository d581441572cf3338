"""Whether a service lives and can work: heartbeats for the first, named checks for the second, both on the management port."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, disable_created_metrics, generate_latest
from prometheus_client import REGISTRY as DEFAULT_REGISTRY
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.clock import Clock, SystemClock
from chassis.redaction import redact_text

Check = Callable[[], Awaitable[object]]

MAX_HEARTBEAT_AGE = timedelta(seconds=45)
CHECK_TIMEOUT = timedelta(seconds=2)
CACHE_FOR = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class CheckResult:
    ok: bool
    detail: str | None
    seconds: float


class Health:
    """Components beat, dependencies are checked; the probes read the outcome.

    A check is any coroutine function that returns when all is well and raises when it is not.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        max_heartbeat_age: timedelta = MAX_HEARTBEAT_AGE,
        check_timeout: timedelta = CHECK_TIMEOUT,
        cache_for: timedelta = CACHE_FOR,
    ) -> None:
        self._clock = clock or SystemClock()
        self._max_heartbeat_age = max_heartbeat_age.total_seconds()
        self._check_timeout = check_timeout.total_seconds()
        self._cache_for = cache_for.total_seconds()
        self._beats: dict[str, float] = {}
        self._checks: dict[str, Check] = {}
        self._results: dict[str, CheckResult] = {}
        self._checked_at: float | None = None
        self._round = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    def heartbeat(self, name: str) -> None:
        """Say that the loop called `name` goes round; from the first beat on it has to go on beating."""
        self._beats[name] = self._clock.monotonic()

    def forget(self, name: str) -> None:
        """Take back `heartbeat`: the loop called `name` has ended as it should, its silence is no longer a fault."""
        self._beats.pop(name, None)

    def stale(self) -> dict[str, float]:
        """List the loops that have been silent for too long, each with the seconds since its last beat."""
        now = self._clock.monotonic()
        return {name: now - beat for name, beat in self._beats.items() if now - beat > self._max_heartbeat_age}

    def alive(self) -> bool:
        return not self.stale()

    def add_check(self, name: str, check: Check) -> None:
        """Let readiness depend on `check`, which has to return within the time limit; its exceptions' text is shown on the management port alone."""
        self._checks[name] = check

    def stop(self) -> None:
        """Begin the way out: not ready any more, still alive."""
        self._stopping = True

    async def ready(self) -> bool:
        if self._stopping:
            return False
        return all(result.ok for result in (await self.results()).values())

    async def results(self) -> dict[str, CheckResult]:
        """Run every check and give the outcome by name. However many ask, the checks run once per second at most, all at the same time."""
        async with self._round:
            now = self._clock.monotonic()
            if self._checked_at is None or now - self._checked_at >= self._cache_for:
                names = tuple(self._checks)
                outcomes = await asyncio.gather(*(self._run(self._checks[name]) for name in names))
                self._results = dict(zip(names, outcomes, strict=True))
                self._checked_at = self._clock.monotonic()
        return self._results

    async def _run(self, check: Check) -> CheckResult:
        """Run one check in a task of its own, so that one which clings to life cannot hold up the answer."""
        started = self._clock.monotonic()
        task = asyncio.create_task(_call(check))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await asyncio.wait({task}, timeout=self._check_timeout)
            detail = _outcome(task) if task.done() else f"no answer within {self._check_timeout:g} s"
        finally:
            task.cancel()
        return CheckResult(ok=detail is None, detail=detail, seconds=self._clock.monotonic() - started)


async def _call(check: Check) -> None:
    await check()


def _outcome(task: "asyncio.Task[None]") -> str | None:
    if task.cancelled():
        return "cancelled itself"
    error = task.exception()
    return None if error is None else redact_text(f"{type(error).__name__}: {error}")


def management_app(health: Health, registry: CollectorRegistry = DEFAULT_REGISTRY) -> ASGIApp:
    """Serve /metrics (Prometheus), /checks (JSON, named), /alive and /ready; for operators, never routed to the outside."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # a second series beside each counter, wanted by nobody

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        match scope["path"]:
            case "/metrics":
                await _answer(send, 200, generate_latest(registry), CONTENT_TYPE_LATEST)
            case "/checks":
                document = await _checks(health)
                await _answer(
                    send, 200 if document["ready"] else 503, json.dumps(document).encode(), "application/json"
                )
            case "/alive":
                alive = health.alive()
                await _answer(send, 200 if alive else 503, b"alive" if alive else b"stuck")
            case "/ready":
                ready = await health.ready()
                await _answer(send, 200 if ready else 503, b"ready" if ready else b"unready")
            case _:
                await _answer(send, 404, b"not found")

    return app


async def _checks(health: Health) -> dict[str, object]:
    results = await health.results()
    return {
        "ready": await health.ready(),
        "alive": health.alive(),
        "stale": health.stale(),
        "checks": {
            name: {"ok": result.ok, "detail": result.detail, "seconds": round(result.seconds, 4)}
            for name, result in results.items()
        },
    }


async def _answer(send: Send, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
