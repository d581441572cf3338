"""The HTTP server as a component: uvicorn inside the service's own loop, its signals left alone."""

import contextlib
import socket
from collections.abc import Iterator

import anyio._backends._asyncio  # noqa: F401 - else the first request imports it, and the loop stands still meanwhile
import uvicorn
from starlette.types import ASGIApp

from chassis.logs import get_logger

DRAIN_SECONDS = 10
KEEP_ALIVE_SECONDS = 75

log = get_logger()


class _Uvicorn(uvicorn.Server):
    """Leaves the process's signals to the life cycle."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """uvicorn inside the service's own loop. No lifespan events, no access log, no trust in X-Forwarded-*.

    At a stop no new connection is accepted, idle ones are closed, requests at work have `drain_seconds` to finish.
    A port that is taken raises OSError from `run`. Port 0 takes a free one; `port` tells which, once it runs.
    """

    def __init__(self, name: str, app: ASGIApp, host: str, port: int, *, drain_seconds: int = DRAIN_SECONDS) -> None:
        self.name = name
        self.port = port
        self._host = host
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=drain_seconds,
            )
        )

    async def run(self) -> None:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with socket.create_server((self._host, self.port), family=family, backlog=2048) as listener:
            self.port = listener.getsockname()[1]
            log.info("http_server_listening", server=self.name, host=self._host, port=self.port)
            await self._server.serve(sockets=[listener])

    def stop(self) -> None:
        self._server.should_exit = True
