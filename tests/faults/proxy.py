"""A TCP proxy of our own between a service and what it needs, which can be made bad while connections live.

Each direction has its Toxics, and the whole has a state: `up`, `refuse` (nobody listens, living connections are reset)
or `black_hole` (accepted, and nothing moves any more).
"""

import asyncio
import random
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

CHUNK = 64 * 1024
IN_TRANSIT = 64
HOST = "127.0.0.1"

State = Literal["up", "refuse", "black_hole"]


@dataclass(frozen=True, slots=True)
class Toxics:
    """What happens to bytes of one direction; counts of bytes begin anew with each new Toxics, per connection.

    `latency` and `jitter` in seconds, `bandwidth` in bytes a second. `reset_after` bytes the connection is reset, after
    `limit` bytes closed; both let exactly that many through. `slice_bytes` cuts what passes into pieces of that size with
    `slice_delay` seconds between them.
    """

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float | None = None
    reset_after: int | None = None
    limit: int | None = None
    slice_bytes: int | None = None
    slice_delay: float = 0.0


HEALTHY = Toxics()


class _Cut(Exception):
    """The toxics end this connection."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


@dataclass(eq=False, slots=True)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def end(self, *, reset: bool) -> None:
        for writer in (self.client, self.server):
            if writer is None:
                continue
            if reset:
                _abort(writer)
            else:
                writer.close()


class FaultProxy:
    """An async context manager; `port` may be 0 for any free one. Switch it at any time, from the same event loop."""

    def __init__(self, upstream_port: int, port: int = 0, upstream_host: str = HOST) -> None:
        self.upstream_host, self.upstream_port, self.port = upstream_host, upstream_port, port
        self.to_server = HEALTHY
        self.to_client = HEALTHY
        self.accepted = 0
        self._state: State = "up"
        self._moving = asyncio.Event()
        self._moving.set()
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> int:
        """How many connections go through it now."""
        return len(self._connections)

    @property
    def state(self) -> State:
        return self._state

    async def become(self, state: State) -> None:
        """Take this state, at once and for living connections too."""
        self._state = state
        if state == "black_hole":
            self._moving.clear()
        else:
            self._moving.set()
        if state == "refuse":
            await self._unlisten()
            self.reset()
        elif self._server is None:
            await self._listen()

    def poison(self, toxics: Toxics) -> None:
        """Set the same toxics for both directions."""
        self.to_server = self.to_client = toxics

    async def heal(self) -> None:
        """Be a plain wire again."""
        self.poison(HEALTHY)
        await self.become("up")

    def reset(self) -> None:
        """Reset (RST) every living connection now."""
        for connection in list(self._connections):
            connection.end(reset=True)

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._unlisten()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port, limit=CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _unlisten(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            await self._moving.wait()
            from_server, connection.server = await asyncio.open_connection(
                self.upstream_host, self.upstream_port, limit=CHUNK
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(connection, reader, connection.server, up=True))
                group.create_task(self._pump(connection, from_server, writer, up=False))
        except* _Cut:
            pass
        except* OSError:
            connection.end(reset=True)
        finally:
            connection.end(reset=False)
            self._connections.discard(connection)

    async def _pump(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        """Read on one side, let the bytes travel, write on the other; a half-closed side is passed on as such."""
        transit: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_TRANSIT)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take(reader, transit, up=up))
            group.create_task(self._deliver(connection, transit, writer, up=up))

    def _toxics(self, *, up: bool) -> Toxics:
        return self.to_server if up else self.to_client

    async def _take(
        self, reader: asyncio.StreamReader, transit: "asyncio.Queue[tuple[float, bytes]]", *, up: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        arrives = 0.0
        while True:
            chunk = await reader.read(CHUNK)
            toxics = self._toxics(up=up)
            delay = max(0.0, toxics.latency + random.uniform(-toxics.jitter, toxics.jitter))
            arrives = max(arrives, loop.time() + delay)  # what is sent later never overtakes
            await transit.put((arrives, chunk))
            if not chunk:
                return

    async def _deliver(
        self,
        connection: _Connection,
        transit: "asyncio.Queue[tuple[float, bytes]]",
        writer: asyncio.StreamWriter,
        *,
        up: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        counted, passed = HEALTHY, 0
        while True:
            arrives, chunk = await transit.get()
            if arrives > loop.time():
                await asyncio.sleep(arrives - loop.time())
            await self._moving.wait()
            if not chunk:
                with suppress(OSError):
                    writer.write_eof()
                return
            toxics = self._toxics(up=up)
            if toxics is not counted:
                counted, passed = toxics, 0
            try:
                passed += await _write(writer, chunk, toxics, passed)
            except _Cut as cut:
                connection.end(reset=cut.reset)
                raise


async def _write(writer: asyncio.StreamWriter, chunk: bytes, toxics: Toxics, passed: int) -> int:
    """Write what may pass of a chunk, as slowly as it may; _Cut where the connection ends with it."""
    ends = [end for end in (toxics.reset_after, toxics.limit) if end is not None]
    allowed = min(ends) - passed if ends else None
    part = chunk if allowed is None else chunk[: max(0, allowed)]
    size = toxics.slice_bytes or len(part) or 1
    for start in range(0, len(part), size):
        piece = part[start : start + size]
        if toxics.bandwidth:
            await asyncio.sleep(len(piece) / toxics.bandwidth)
        writer.write(piece)
        await writer.drain()
        if toxics.slice_bytes and toxics.slice_delay:
            await asyncio.sleep(toxics.slice_delay)
    if allowed is not None and len(chunk) >= allowed:
        raise _Cut(reset=toxics.reset_after is not None and min(ends) == toxics.reset_after)
    return len(part)


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with a reset instead of a farewell."""
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
