"""A mail server as fast as Python makes one: takes everything, and keeps what it took.

A message counts from the moment at which its last byte was read; whether the sender heard the 250 is another matter.
"""

import asyncio
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Protocol, Self

END = b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Mail:
    """One message that the mail server took."""

    message_id: str
    to: str
    subject: str
    content: bytes = field(default=b"", repr=False)


class MailSide(Protocol):
    """What a stand needs of a mail server, whoever it is."""

    @property
    def port(self) -> int: ...

    async def mails(self) -> list[Mail]:
        """Every message it took, in their order; the same one twice where it took it twice."""
        ...


class Sink:
    """The default MailSide: an async context manager."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.taken: list[tuple[str, bytes]] = []
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()

    async def mails(self) -> list[Mail]:
        return [as_mail(to, content) for to, content in self.taken]

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Session(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """Nobody listens any more, and every connection is cut."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for session in list(self._sessions):
            session.cut()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.kill()


def as_mail(to: str, content: bytes) -> Mail:
    """Read the headers that the checker compares."""
    message = message_from_bytes(content, policy=policy.default)
    return Mail(str(message["Message-ID"]), to, str(message["Subject"]), content)


class _Session(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._unread = bytearray()
        self._recipient = ""
        self._in_data = False
        self._transport: asyncio.Transport | None = None

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._sink._sessions.add(self)
        transport.write(b"220 sink\r\n")

    def connection_lost(self, _error: Exception | None) -> None:
        self._sink._sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while self._body() if self._in_data else self._command():
            pass

    def _body(self) -> bool:
        end = self._unread.find(END)
        if end < 0:
            return False
        content = bytes(self._unread[: end + 2]).replace(b"\r\n..", b"\r\n.")
        del self._unread[: end + len(END)]
        self._in_data = False
        self._sink.taken.append((self._recipient, content))
        self._say(b"250 2.0.0 taken")
        return True

    def _command(self) -> bool:
        end = self._unread.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._unread[:end])
        del self._unread[: end + 2]
        verb = line[:4].upper()
        if verb in {b"EHLO", b"HELO"}:
            self._say(b"250-sink\r\n250-SIZE 99999999\r\n250-PIPELINING\r\n250 8BITMIME")
        elif verb == b"RCPT":
            self._recipient = line.partition(b"<")[2].partition(b">")[0].decode("ascii", "replace")
            self._say(b"250 2.1.5 ok")
        elif verb == b"DATA":
            self._in_data = True
            self._say(b"354 go on")
        elif verb == b"QUIT":
            self._say(b"221 bye")
            if self._transport is not None:
                self._transport.close()
        else:
            self._say(b"250 2.0.0 ok")
        return True

    def _say(self, line: bytes) -> None:
        if self._transport is not None:
            self._transport.write(line + b"\r\n")
