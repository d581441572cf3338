"""Whole processes: how they start, stop and are cut off. Each test starts tests/chassis/integration/service.py anew."""

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.integration

SERVICE = Path(__file__).with_name("service.py")


class Process:
    """A service in a process of its own, with what it logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def sees(self, event: str) -> dict[str, Any]:
        """Read the log up to this event."""
        assert self.process.stdout
        async with asyncio.timeout(20):
            async for raw in self.process.stdout:
                self.lines.append(json.loads(raw))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"{event} is not among {[line['event'] for line in self.lines]}")

    async def end(self, *signals: signal.Signals) -> tuple[int, float]:
        """Send the signals; the exit code, and how long it took."""
        started = time.monotonic()
        for number in signals:
            self.process.send_signal(number)
            await asyncio.sleep(0.1)
        assert self.process.stdout
        async with asyncio.timeout(30):
            self.lines += [json.loads(raw) async for raw in self.process.stdout]
            code = await self.process.wait()
        return code, time.monotonic() - started

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]


@asynccontextmanager
async def service(*parts: str, seconds: float = 1) -> AsyncIterator[Process]:
    """Start a service of these parts and wait until it runs."""
    arguments = ("-W", "error", str(SERVICE), str(seconds), *parts)
    started = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        process = Process(started)
        await process.sees("service_started")
        yield process
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_a_service_promptly(number: signal.Signals) -> None:
    """SIGTERM and SIGINT stop everything in well under a second of idle time, with exit code 0."""
    async with service("http", "polite") as process:
        await process.sees("http_server_listening")
        code, seconds = await process.end(number)
    assert (code, process.events()[-1]) == (0, "service_stopped")
    assert seconds < 2


async def test_a_request_under_way_is_finished() -> None:
    """A request that takes its time is answered though the signal came in the middle of it."""
    async with service("http", seconds=5) as process:
        port = (await process.sees("http_server_listening"))["port"]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answer = asyncio.create_task(client.get("/slow"))
            await asyncio.sleep(0.3)
            code, _ = await process.end(signal.SIGTERM)
            assert (await answer).text == '"done"'
    assert code == 0


async def test_an_open_connection_holds_nobody_up() -> None:
    """A client that connected and says nothing, or half a request, does not delay the end."""
    async with service("http", seconds=5) as process:
        port = (await process.sees("http_server_listening"))["port"]
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n")
            await asyncio.sleep(0.2)
            code, seconds = await process.end(signal.SIGTERM)
    assert code == 0
    assert seconds < 2


@pytest.mark.parametrize("part", ["hangs", "clings", "hangs_in_closing"])
async def test_what_hangs_is_cut_off(part: str) -> None:
    """A component that never ends, even one that swallows its cancellation, costs the exit code and not the stop."""
    async with service("polite", part, seconds=0.5) as process:
        code, seconds = await process.end(signal.SIGTERM)
    assert code == 1
    assert {"component_cut_off", "closing_failed"} & set(process.events())
    assert seconds < 8


async def test_a_blocked_thread_does_not_keep_the_process() -> None:
    """A thread that never returns is left behind by force after the service has ended."""
    async with service("thread") as process:
        code, seconds = await process.end(signal.SIGTERM)
    assert (code, process.events()[-1]) == (1, "service_ended_by_force")
    assert seconds < 10


async def test_an_event_loop_that_blocks_while_stopping_is_ended_by_force() -> None:
    """When the stop itself blocks the event loop, the watchdog ends the process."""
    async with service("blocks", seconds=0.1) as process:
        code, seconds = await process.end(signal.SIGTERM)
    assert (code, process.events()[-1]) == (1, "service_ended_by_force")
    assert seconds < 10


async def test_a_second_signal_hurries() -> None:
    """Whoever sends the signal twice does not wait for what hangs."""
    async with service("hangs", seconds=60) as process:
        code, seconds = await process.end(signal.SIGINT, signal.SIGINT)
    assert (code, "component_cut_off" in process.events()) == (1, True)
    assert seconds < 5


@pytest.mark.parametrize("part", ["dies", "returns", "cancels_itself", "exits"])
async def test_a_component_that_dies_ends_the_service(part: str) -> None:
    """Raising, returning, a stray CancelledError, sys.exit: the others are stopped and the exit code is 1."""
    async with service("polite", part) as process:
        code, _ = await process.end()
    assert (code, process.events()[-1]) == (1, "service_stopped")
    died = next(line for line in process.lines if line["event"] == "component_died")
    assert died["component"] == part
    assert "polite_stopped" in process.events()


@pytest.mark.parametrize("part", ["dies_at_stop", "cancels_itself_at_stop", "stop_raises"])
async def test_a_failure_while_stopping_is_told(part: str) -> None:
    """A component that fails on its way out, also with a CancelledError of its own, makes the exit code 1."""
    async with service("polite", part, seconds=0.5) as process:
        code, _ = await process.end(signal.SIGTERM)
    assert code == 1
    assert {"component_failed_at_stop", "component_stop_failed"} & set(process.events())
    assert "polite_stopped" in process.events()


async def test_a_port_in_use_ends_the_start() -> None:
    """A taken port is told as what it is, and the process ends with 1 instead of running without its server."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with service(f"http:{taken.getsockname()[1]}") as process:
            code, _ = await process.end()
    died = next(line for line in process.lines if line["event"] == "component_died")
    assert (code, died["component"], died["exception_type"]) == (1, "http", "builtins.OSError")


async def test_a_service_that_cannot_start_says_why() -> None:
    """An exception before anything runs is one log line and exit code 1."""
    arguments = ("-W", "error", str(SERVICE), "1", "unknown part")
    started = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await started.communicate()
    assert (started.returncode, json.loads(output)["event"]) == (1, "service_failed")


async def test_an_ignored_sigint_still_stops() -> None:
    """A shell's background job starts with SIGINT ignored; the service listens all the same."""
    arguments = ("-c", 'trap "" INT; exec "$@"', "sh", sys.executable, str(SERVICE), "1", "polite")
    started = await asyncio.create_subprocess_exec("/bin/sh", *arguments, stdout=asyncio.subprocess.PIPE)
    process = Process(started)
    await process.sees("service_started")
    code, _ = await process.end(signal.SIGINT)
    assert code == 0
