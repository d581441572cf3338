"""A mail server that misbehaves as told, phase by phase, and keeps what it was given."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

Reply = bytes | Literal["reset", "close", "hang"]
Script = Callable[[str, str], Reply | None]
"""Given the phase (greeting, ehlo, mail, rcpt, data, body, dot) and the recipient: what to do instead of agreeing."""

FINE: dict[str, bytes] = {
    "greeting": b"220 misbehaving",
    "mail": b"250 2.1.0 ok",
    "rcpt": b"250 2.1.5 ok",
    "data": b"354 go on",
    "dot": b"250 2.0.0 queued",
    "quit": b"221 bye",
    "rset": b"250 reset",
    "starttls": b"220 go on",
}


@dataclass
class Received:
    sender: str
    recipient: str
    content: bytes
    connection: int


@dataclass
class MisbehavingServer:
    script: Script = lambda _phase, _recipient: None
    pipelining: bool = False
    tls: ssl.SSLContext | None = None
    port: int = 0
    accepted: list[Received] = field(default_factory=list)
    seen: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    late_seconds: float | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await _Session(self, reader, writer, self.connections).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()


class _Session:
    def __init__(
        self, server: MisbehavingServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.server, self.reader, self.writer, self.number = server, reader, writer, number
        self.sender = self.recipient = ""

    async def run(self) -> None:
        await self.say("greeting")
        while line := (await self.reader.readline()).decode("ascii").rstrip("\r\n"):
            self.server.commands.append(line)
            verb = line.split(" ")[0].lower()
            if verb == "quit":
                await self.say("quit")
                return
            await self.obey(verb, line)

    async def obey(self, verb: str, line: str) -> None:
        if verb == "ehlo":
            await self.say("ehlo", self.greetings())
        elif verb == "starttls":
            await self.say("starttls")
            assert self.server.tls is not None, "offered only where it is set"
            await self.writer.start_tls(self.server.tls)
        elif verb in {"mail", "rcpt"}:
            address = re.search(r"<(.*)>", line)
            name = address.group(1) if address else "?"
            self.sender, self.recipient = (name, "") if verb == "mail" else (self.sender, name)
            await self.say(verb)
        elif verb == "data" and await self.say("data"):
            await self.take_body()
        elif verb == "rset":
            await self.say("rset")

    def greetings(self) -> bytes:
        lines = ["misbehaving", "SIZE 99999999"]
        lines += ["PIPELINING"] * self.server.pipelining + ["STARTTLS"] * (self.server.tls is not None)
        return "\r\n".join(f"250-{line}" for line in lines).encode() + b"\r\n250 8BITMIME"

    async def take_body(self) -> None:
        await self.act(self.server.script("body", self.recipient))
        content = (await self.reader.readuntil(b"\r\n.\r\n"))[:-3]
        received = Received(self.sender, self.recipient, content.replace(b"\r\n..", b"\r\n."), self.number)
        self.server.seen.append(received)
        if await self.say("dot"):
            self.server.accepted.append(received)

    async def say(self, phase: str, fine: bytes | None = None) -> bool:
        """Reply, and tell whether it was the agreement of a good server."""
        told = self.server.script(phase, self.recipient)
        if phase == "dot" and self.server.late_seconds is not None:
            await asyncio.sleep(self.server.late_seconds)
        await self.act(told)
        if told is None:
            self.writer.write((fine or FINE[phase]) + b"\r\n")
        await self.writer.drain()
        return told is None or (phase == "data" and isinstance(told, bytes) and told.startswith(b"354"))

    async def act(self, told: Reply | None) -> None:
        if told == "hang":
            await asyncio.sleep(3600)
        if told == "reset":
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        if told in {"reset", "close"}:
            self.writer.transport.abort()
            raise ConnectionResetError
        if isinstance(told, bytes):
            self.writer.write(told + b"\r\n")
            if told.startswith(b"421"):
                await self.writer.drain()
                raise ConnectionResetError


@asynccontextmanager
async def misbehaving(
    script: Script = lambda _phase, _recipient: None,
    *,
    pipelining: bool = False,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[MisbehavingServer]:
    behaviour = MisbehavingServer(script, pipelining, tls)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(behaviour.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=2**25)
    behaviour.port = server.sockets[0].getsockname()[1]
    try:
        yield behaviour
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def at(phase: str, reply: Reply) -> Script:
    """Misbehave in this phase alone."""
    return lambda now, _recipient: reply if now == phase else None
