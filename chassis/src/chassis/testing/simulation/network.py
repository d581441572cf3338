"""Connections in memory for what speaks through `asyncio.open_connection`: bytes keep their order and take their time.

What a process wrote before it died still arrives; then the other end sees the connection end.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from chassis.testing.simulation.loop import SimulatedLoop
from chassis.testing.simulation.process import current_process


class ServerSide(Protocol):
    """One connection as the server has it."""

    def data_received(self, data: bytes) -> None: ...

    def connection_lost(self) -> None: ...


class Peer:
    """The client, as the server speaks to it."""

    def __init__(self, transport: "MemoryTransport") -> None:
        self._transport = transport

    def send(self, data: bytes) -> None:
        self._transport.bring(data)

    def close(self) -> None:
        self._transport.bring(None)

    def reset(self) -> None:
        self._transport.bring(ConnectionResetError("reset by peer"))


Accept = Callable[[Peer], ServerSide | None]
"""Makes the server's side of a new connection; None refuses it."""


class Network:
    """The network of one simulation; `listen` puts a server on it."""

    def __init__(self, loop: SimulatedLoop, latency: Callable[[], float]) -> None:
        self.latency = latency
        self.loop = loop
        self._listeners: dict[tuple[str, int], Accept] = {}
        loop.connect = self._connect

    def listen(self, host: str, port: int, accept: Accept) -> None:
        self._listeners[host, port] = accept

    async def _connect(
        self, protocol_factory: Callable[[], asyncio.Protocol], host: str, port: int, **_: Any
    ) -> "tuple[MemoryTransport, asyncio.Protocol]":
        await asyncio.sleep(self.latency())
        protocol = protocol_factory()
        transport = MemoryTransport(self, protocol)
        accept = self._listeners.get((host, port))
        server = accept(Peer(transport)) if accept else None
        if server is None:
            raise ConnectionRefusedError(f"nobody listens at {host}:{port}")
        transport.connected(server)
        protocol.connection_made(transport)
        return transport, protocol


class MemoryTransport(asyncio.Transport):
    """The client's end of a connection."""

    def __init__(self, network: Network, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._network = network
        self._protocol = protocol
        self._server: ServerSide | None = None
        self._to_server: deque[bytes | None] = deque()
        self._to_client: deque[bytes | Exception | None] = deque()
        self._client = contextvars.copy_context()
        self._closing = self._lost = False

    def connected(self, server: ServerSide) -> None:
        self._server = server
        if process := current_process():
            process.at_end(self._die)

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if not self._closing:
            self._send(bytes(data))

    def close(self) -> None:
        """What was written still arrives."""
        if not self._closing:
            self._closing = True
            self._send(None)
            self._network.loop.call_soon(self._lose, None, context=self._client)

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 - it has none
        return default

    def pause_reading(self) -> None:
        """Nothing here is so much that reading would have to wait."""

    def resume_reading(self) -> None: ...

    def _die(self) -> None:
        self._closing = self._lost = True
        self._send(None)

    def _send(self, data: bytes | None) -> None:
        self._to_server.append(data)
        self._network.loop.call_later(self._network.latency(), self._deliver, context=contextvars.Context())

    def _deliver(self) -> None:
        """Whatever the times of travel, what was sent first arrives first."""
        data = self._to_server.popleft()
        if self._server is not None:
            if data is None:
                server, self._server = self._server, None
                server.connection_lost()
            else:
                self._server.data_received(data)

    def bring(self, data: bytes | Exception | None) -> None:
        self._to_client.append(data)
        self._network.loop.call_later(self._network.latency(), self._receive, context=self._client)

    def _receive(self) -> None:
        data = self._to_client.popleft()
        if self._closing:
            return
        if isinstance(data, bytes):
            self._protocol.data_received(data)
            return
        self._closing = True
        if data is None:
            self._protocol.eof_received()
        self._lose(data)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._protocol.connection_lost(error)
