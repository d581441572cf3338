"""One SMTP connection (RFC 5321): commands out, replies in, and a final dot that waits for leave.

Pipelines where the server offers it (RFC 2920). Bare CR or LF never goes out: commands are checked, bodies come finished.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from notifier import metrics
from notifier.domain import Answer, Phase
from notifier.ports import MailUnsafe, Message, Withdrawn

Tls = Literal["none", "starttls", "tls"]

HELLO_SECONDS = 30.0
REPLY_SECONDS = 60.0
BODY_SECONDS = 180.0
DOT_SECONDS = 60.0
LATE_SECONDS = 540.0  # RFC 5321 grants a server ten minutes after the dot
MAX_REPLY_LINES = 100
SILENCE = (OSError, TimeoutError, EOFError, ValueError, ssl.SSLError)
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})([ -]?)(.*?)\r?\n")
_COMMAND = re.compile(rb"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class Reply:
    code: int
    text: str

    def agrees(self, phase: Phase) -> bool:
        """DATA is agreed to by 354, everything else by 2xx."""
        return self.code // 100 == (3 if phase is Phase.DATA else 2)


class SmtpTrouble(Exception):
    """The step is over before the dot."""

    def __init__(self, answer: Answer, *, connection_lost: bool = False) -> None:
        super().__init__(answer.words)
        self.answer = answer
        self.connection_lost = connection_lost


def silence(phase: Phase, error: BaseException) -> SmtpTrouble:
    if isinstance(error, TimeoutError):
        return SmtpTrouble(Answer(phase, None, "no answer in time"))
    return SmtpTrouble(Answer(phase, None, f"connection lost ({type(error).__name__})"), connection_lost=True)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where the mail server is and how it is spoken to."""

    host: str
    port: int
    hello: str
    tls: Tls = "none"
    context: ssl.SSLContext | None = None
    dot_seconds: float = DOT_SECONDS
    reply_seconds: float = REPLY_SECONDS
    body_seconds: float = BODY_SECONDS


class SmtpConnection:
    def __init__(self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._extensions: dict[str, str] = {}
        self._counted = True
        self.uses = 0
        metrics.SMTP_CONNECTIONS.inc()

    @classmethod
    async def open(cls, server: SmtpServer) -> "SmtpConnection":
        """Connect, greet, encrypt as far as the settings say; raises SmtpTrouble in phase CONNECT or HELLO."""
        context = server.context or ssl.create_default_context() if server.tls != "none" else None
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                reader, writer = await asyncio.open_connection(
                    server.host, server.port, ssl=context if server.tls == "tls" else None
                )
        except SILENCE as error:
            raise silence(Phase.CONNECT, error) from error
        connection = cls(server, reader, writer)
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                await connection._greet(context)
        except SILENCE as error:
            connection.abort()
            raise silence(Phase.HELLO, error) from error
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _greet(self, context: ssl.SSLContext | None) -> None:
        self._expect(Phase.HELLO, await self._reply())
        await self._hello()
        if self._server.tls == "starttls" and context is not None:
            self._write(b"STARTTLS")
            self._expect(Phase.HELLO, await self._reply())
            await self._writer.start_tls(context, server_hostname=self._server.host)
            await self._hello()

    async def _hello(self) -> None:
        self._write(b"EHLO " + self._server.hello.encode("ascii"))
        reply = await self._reply()
        self._expect(Phase.HELLO, reply)
        lines = reply.text.split("\n")[1:]
        self._extensions = {name.upper(): words for name, _, words in (line.partition(" ") for line in lines)}

    async def transmit(
        self, message: Message, still_mine: Callable[[], bool], may_finish: Callable[[], Awaitable[bool]]
    ) -> Answer | None:
        """One mail. Returns the answer to the dot, None where it is still out; raises SmtpTrouble or Withdrawn."""
        self.uses += 1
        await self._offer(message, still_mine)
        await self._body(message.chunks)
        if not await may_finish():
            self.abort()
            raise Withdrawn
        if self._writer.is_closing() or self._reader.at_eof():
            raise SmtpTrouble(Answer(Phase.BODY, None, "connection lost before the final dot"), connection_lost=True)
        self._write(b".")
        return await self._answer_to_dot(self._server.dot_seconds)

    async def late_answer(self, seconds: float = LATE_SECONDS) -> Answer | None:
        """What the server still says to a dot that it left unanswered; None where it stays silent."""
        answer = await self._answer_to_dot(seconds)
        self.abort()
        return answer if answer is not None and answer.code is not None else None

    async def reset(self) -> bool:
        """End the transaction that was begun; False where the connection is of no more use."""
        try:
            self._write(b"RSET")
            async with asyncio.timeout(self._server.reply_seconds):
                return (await self._reply()).agrees(Phase.MAIL)
        except SILENCE:
            return False

    async def _offer(self, message: Message, still_mine: Callable[[], bool]) -> None:
        size = b" SIZE=%d" % message.size if "SIZE" in self._extensions else b""
        sender = b"MAIL FROM:<" + message.sender.encode() + b">" + size
        recipient = b"RCPT TO:<" + message.recipient.encode() + b">"
        phases = {Phase.MAIL: sender, Phase.RCPT: recipient, Phase.DATA: b"DATA"}
        if not all(_COMMAND.fullmatch(command) for command in phases.values()):
            raise MailUnsafe("an address is not one")
        if not still_mine():
            raise Withdrawn
        if "PIPELINING" in self._extensions:
            await self._offer_at_once(phases)
            return
        for phase, command in phases.items():
            if phase is Phase.DATA and not still_mine():
                raise Withdrawn
            self._expect(phase, await self._ask(phase, command))

    async def _offer_at_once(self, phases: Mapping[Phase, bytes]) -> None:
        replies = {Phase.MAIL: await self._ask(Phase.MAIL, *phases.values())}
        replies |= {phase: await self._ask(phase) for phase in (Phase.RCPT, Phase.DATA)}
        for phase, reply in replies.items():
            if not reply.agrees(phase) and replies[Phase.DATA].agrees(Phase.DATA):
                self.abort()  # it waits for a body that no recipient was accepted for
            self._expect(phase, reply)

    async def _ask(self, phase: Phase, *commands: bytes) -> Reply:
        try:
            async with asyncio.timeout(self._server.reply_seconds):
                if commands:
                    self._write(*commands)
                return await self._reply()
        except SILENCE as error:
            raise silence(phase, error) from error

    async def _body(self, chunks: Sequence[bytes]) -> None:
        try:
            async with asyncio.timeout(self._server.body_seconds):
                for chunk in chunks:
                    self._writer.write(chunk)
                    await self._writer.drain()
        except SILENCE as error:
            raise silence(Phase.BODY, error) from error

    async def _answer_to_dot(self, seconds: float) -> Answer | None:
        try:
            async with asyncio.timeout(seconds):
                reply = await self._reply()
        except TimeoutError:
            return None
        except SILENCE as error:
            return silence(Phase.DOT, error).answer
        return Answer(Phase.DOT, reply.code, reply.text)

    def _expect(self, phase: Phase, reply: Reply) -> None:
        if not reply.agrees(phase):
            raise SmtpTrouble(Answer(phase, reply.code, reply.text))

    def _write(self, *commands: bytes) -> None:
        self._writer.write(b"\r\n".join(commands) + b"\r\n")

    async def _reply(self) -> Reply:
        texts: list[str] = []
        for _ in range(MAX_REPLY_LINES):
            line = await self._reader.readline()
            if not line:
                raise EOFError
            found = _REPLY_LINE.fullmatch(line)
            if found is None:
                raise ValueError("not an SMTP reply")
            code, more, text = found.groups()
            texts.append(text.decode("utf-8", "replace"))
            if more != b"-":
                return Reply(int(code), "\n".join(texts))
        raise ValueError("a reply without an end")

    @property
    def is_closing(self) -> bool:
        return self._writer.is_closing()

    def leave(self) -> None:
        """Say goodbye and close, without waiting for what the server says to that."""
        self._count_out()
        if not self.is_closing:
            self._write(b"QUIT")
            self._writer.close()

    def abort(self) -> None:
        """Close without another word."""
        self._count_out()
        self._writer.transport.abort()

    def _count_out(self) -> None:
        if self._counted:
            self._counted = False
            metrics.SMTP_CONNECTIONS.dec()
