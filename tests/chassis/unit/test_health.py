"""Health: a service that is stuck says so, one that lacks something says what, and asking costs little."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from datetime import timedelta

import httpx2
import pytest
from prometheus_client import CollectorRegistry, Counter

from chassis.health import Health, management_app
from chassis.testing.frozen_clock import FrozenClock


def client_of(health: Health, registry: CollectorRegistry | None = None) -> httpx2.AsyncClient:
    app = management_app(health, registry or CollectorRegistry())
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://management")


async def well() -> str:
    return "fine"


async def ill() -> None:
    raise ConnectionError("postgresql://user:geheim@host refused")


async def hang() -> None:
    await asyncio.Event().wait()


async def cling() -> None:
    for _ in range(3):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.2)


async def cancel_itself() -> None:
    raise asyncio.CancelledError


def test_a_loop_that_falls_silent_is_stuck() -> None:
    """Only what has beaten once can fall silent; beating again, or leaving properly, mends it."""
    clock = FrozenClock()
    health = Health(clock)
    assert health.alive()
    health.heartbeat("consumer")
    clock.advance(timedelta(seconds=46))
    assert not health.alive()
    assert health.stale() == {"consumer": 46}
    health.heartbeat("consumer")
    assert health.alive()
    clock.advance(timedelta(seconds=46))
    health.forget("consumer")
    assert health.alive()


def test_a_clock_that_is_set_makes_nobody_stuck() -> None:
    """Heartbeats count real seconds, whatever happens to the wall clock."""
    clock = FrozenClock()
    health = Health(clock)
    health.heartbeat("consumer")
    clock.jump(timedelta(hours=1))
    assert health.alive()


async def test_ready_means_every_check_passes() -> None:
    """No check: ready. One that fails: not."""
    health = Health(cache_for=timedelta(0))
    assert await health.ready()
    health.add_check("database", well)
    assert await health.ready()
    health.add_check("broker", ill)
    assert not await health.ready()


@pytest.mark.parametrize(
    ("check", "detail"),
    [
        (ill, "ConnectionError: postgresql://user:***@host refused"),
        (hang, "no answer within 0.05 s"),
        (cling, "no answer within 0.05 s"),
        (cancel_itself, "cancelled itself"),
    ],
)
async def test_a_failing_check_says_why_and_holds_nobody_up(check: Callable[[], object], detail: str) -> None:
    """Raising, hanging, clinging to life: the answer comes in time, names the fault and hides passwords."""
    health = Health(check_timeout=timedelta(milliseconds=50))
    health.add_check("store", check)  # type: ignore[arg-type] # checks return any awaitable
    health.add_check("database", well)
    async with asyncio.timeout(1):
        results = await health.results()
    assert (results["store"].ok, results["store"].detail) == (False, detail)
    assert results["database"].ok


async def test_however_many_ask_the_checks_run_once_a_second() -> None:
    """A hundred probes at once cause one round of checks; a second later there is another."""
    clock, rounds = FrozenClock(), 0

    async def count() -> None:
        nonlocal rounds
        rounds += 1
        await asyncio.sleep(0)

    health = Health(clock)
    health.add_check("database", count)
    assert all(await asyncio.gather(*(health.ready() for _ in range(100))))
    assert rounds == 1
    clock.advance(timedelta(seconds=1))
    assert await health.ready()
    assert rounds == 2


async def test_a_stopping_service_is_alive_and_not_ready() -> None:
    """From the stop on nobody sends further requests, and nobody kills it early."""
    health = Health()
    health.stop()
    assert not await health.ready()
    assert health.alive()


async def test_the_management_port_names_the_checks() -> None:
    """/checks tells each check's outcome; its status is that of /ready."""
    health = Health()
    health.add_check("database", well)
    async with client_of(health) as client:
        answer = await client.get("/checks")
        assert (answer.status_code, answer.json()["checks"]["database"]["ok"]) == (200, True)
        health.add_check("broker", ill)
        health._checked_at = None
        answer = await client.get("/checks")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert "geheim" not in json.dumps(answer.json())
        assert (await client.get("/ready")).status_code == 503
        assert (await client.get("/alive")).text == "alive"
        assert (await client.get("/elsewhere")).status_code == 404


async def test_the_management_port_serves_metrics() -> None:
    """/metrics speaks Prometheus."""
    registry = CollectorRegistry()
    Counter("documents_filed", "Documents filed.", registry=registry).inc()
    async with client_of(Health(), registry) as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "documents_filed_total 1.0" in answer.text
