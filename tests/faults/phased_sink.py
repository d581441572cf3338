"""A mail server that tells, before it does anything else, how far a mail has come: the moment to kill its sender.

`connected`, `rcpt` (the reply is out), `body` (a part was read, no dot), `dot` (all was read and counts as taken, no 250
yet), `answered` (the 250 is out).
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from tests.faults.sink import Sink, _Session

PHASES = ("connected", "rcpt", "body", "dot", "answered")


class PhasedSink(Sink):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._armed: tuple[str, int, Callable[[], None]] | None = None
        self._reached = Counter[str]()

    def arm(self, phase: str, count: int, then: Callable[[], None]) -> None:
        """Do `then`, once, when this phase is reached for the n-th time from now."""
        self._reached.clear()
        self._armed = phase, count, then

    def disarm(self) -> None:
        self._armed = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _PhasedSession(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def reach(self, phase: str) -> None:
        self._reached[phase] += 1
        if self._armed is not None and self._armed[:2] == (phase, self._reached[phase]):
            then, self._armed = self._armed[2], None
            then()


class _PhasedSession(_Session):
    def __init__(self, sink: PhasedSink) -> None:
        super().__init__(sink)
        self._phases = sink

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._phases.reach("connected")
        super().connection_made(transport)

    def _body(self) -> bool:
        whole = super()._body()
        if not whole and self._unread:
            self._phases.reach("body")
        return whole

    def _say(self, line: bytes) -> None:
        taken = line.startswith(b"250 2.0.0 taken")
        if taken:
            self._phases.reach("dot")
        super()._say(line)
        if taken:
            self._phases.reach("answered")
        elif line.startswith(b"250 2.1.5"):
            self._phases.reach("rcpt")
