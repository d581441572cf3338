"""A service made of the parts named on its command line, good ones and bad ones, for test_lifecycle.py."""

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable

from chassis.cli import run_process
from chassis.health import Health
from chassis.lifecycle import Component, HttpServer, run_service
from chassis.logs import configure_logs, get_logger
from chassis.problems import create_app

log = get_logger()


class Part:
    """Waits for the stop, then does what is named after it."""

    def __init__(
        self,
        name: str,
        after_stop: Callable[[], Awaitable[object]],
        before: Callable[[], Awaitable[object]] | None = None,
        on_stop: Callable[[], object] = lambda: None,
    ) -> None:
        self.name = name
        self._stop = asyncio.Event()
        self._before, self._after_stop, self._on_stop = before, after_stop, on_stop

    async def run(self) -> None:
        if self._before is not None:
            await self._before()
            return
        await self._stop.wait()
        await self._after_stop()

    def stop(self) -> None:
        self._stop.set()
        self._on_stop()


async def say_goodbye() -> None:
    log.info("polite_stopped")


async def hang() -> None:
    await asyncio.Event().wait()


async def cling() -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


async def die() -> None:
    raise LookupError("password=geheim")


async def nothing() -> None:
    pass


async def cancel_itself() -> None:
    raise asyncio.CancelledError


async def leave() -> None:
    sys.exit(3)


async def leave_a_thread() -> None:
    threading.Thread(target=time.sleep, args=(600,)).start()


def refuse() -> None:
    raise LookupError("will not stop")


def http(port: int) -> HttpServer:
    app = create_app("service", Health())

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(1)
        return "done"

    return HttpServer("http", app, "127.0.0.1", port)


def part(name: str) -> Component:
    if name.startswith("http"):
        return http(int(name.partition(":")[2] or 0))
    return {
        "polite": lambda: Part(name, say_goodbye),
        "hangs": lambda: Part(name, hang),
        "clings": lambda: Part(name, cling),
        "hangs_in_closing": lambda: Part(name, nothing),
        "thread": lambda: Part(name, leave_a_thread),
        "blocks": lambda: Part(name, nothing, on_stop=lambda: time.sleep(600)),
        "dies": lambda: Part(name, nothing, die),
        "returns": lambda: Part(name, nothing, nothing),
        "cancels_itself": lambda: Part(name, nothing, cancel_itself),
        "exits": lambda: Part(name, nothing, leave),
        "dies_at_stop": lambda: Part(name, die),
        "cancels_itself_at_stop": lambda: Part(name, cancel_itself),
        "stop_raises": lambda: Part(name, nothing, on_stop=refuse),
    }[name]()


async def serve() -> int:
    configure_logs("service")
    seconds, *names = sys.argv[1:]
    closing = [hang, nothing] if "hangs_in_closing" in names else [nothing]
    return await run_service([part(name) for name in names], float(seconds), closing=closing)


if __name__ == "__main__":
    sys.exit(run_process(serve))
