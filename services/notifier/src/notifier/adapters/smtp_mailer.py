"""A mail server behind connections that are kept: as many as mails are on their way, none for long without work."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from chassis.clock import Clock
from notifier.adapters.smtp_connection import SmtpConnection, SmtpServer, SmtpTrouble
from notifier.domain import Answer, Phase
from notifier.ports import MailUnsafe, Message, Outcome, Withdrawn

IDLE_SECONDS = 20.0
MOST_USES = 200  # many servers end a connection after some number of mails; a fresh one costs little
MOST_LATE = 32  # connections kept open for an answer that is overdue
SERVICE_CLOSING = 421


class SmtpMailer:
    def __init__(self, server: SmtpServer, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._idle: deque[tuple[float, SmtpConnection]] = deque()
        self._late: set[SmtpConnection] = set()

    async def send(
        self, message: Message, *, still_mine: Callable[[], bool], may_finish: Callable[[], Awaitable[bool]]
    ) -> Outcome:
        for connection in self._kept():
            try:
                return await self._step(connection, message, still_mine, may_finish)
            except SmtpTrouble as trouble:
                if not _closed_while_idle(trouble):
                    return Outcome(trouble.answer)
        try:
            fresh = await SmtpConnection.open(self._server)
            return await self._step(fresh, message, still_mine, may_finish)
        except SmtpTrouble as trouble:
            return Outcome(trouble.answer)

    async def _step(
        self,
        connection: SmtpConnection,
        message: Message,
        still_mine: Callable[[], bool],
        may_finish: Callable[[], Awaitable[bool]],
    ) -> Outcome:
        try:
            answer = await connection.transmit(message, still_mine, may_finish)
        except (SmtpTrouble, Withdrawn, MailUnsafe) as ended:
            await self._keep_after(connection, ended)
            raise
        except BaseException:
            connection.abort()
            raise
        if answer is None:
            return self._overdue(connection)
        if answer.code is None or answer.code == SERVICE_CLOSING:
            connection.abort()
        else:
            self._keep(connection)
        return Outcome(answer)

    def _overdue(self, connection: SmtpConnection) -> Outcome:
        answer = Answer(Phase.DOT, None, "no answer to the final dot in time")
        if len(self._late) >= MOST_LATE:
            connection.abort()
            return Outcome(answer)
        self._late.add(connection)
        return Outcome(answer, self._late_answer(connection))

    async def _late_answer(self, connection: SmtpConnection) -> Answer | None:
        try:
            return await connection.late_answer()
        finally:
            connection.abort()
            self._late.discard(connection)

    async def _keep_after(self, connection: SmtpConnection, ended: SmtpTrouble | Withdrawn | MailUnsafe) -> None:
        """A refused sender or recipient leaves a transaction open; whatever else ended the step ends the connection."""
        answer = ended.answer if isinstance(ended, SmtpTrouble) else None
        refused = answer is None or not (answer.code in {None, SERVICE_CLOSING} or answer.relay_is_away)
        if refused and not connection.is_closing and await connection.reset():
            self._keep(connection)
        else:
            connection.abort()

    def _keep(self, connection: SmtpConnection) -> None:
        if connection.uses >= MOST_USES:
            connection.leave()
        else:
            self._idle.append((self._clock.monotonic(), connection))

    def _kept(self) -> Iterator[SmtpConnection]:
        """The connections at rest, the one used last first, so that those not needed grow old."""
        while self._idle:
            yield self._idle.pop()[1]

    async def examine(self) -> None:
        """Connect, greet and leave; raises SmtpTrouble with what the server said."""
        (await SmtpConnection.open(self._server)).leave()
        await asyncio.sleep(0)

    def tidy(self) -> None:
        oldest = self._clock.monotonic() - IDLE_SECONDS
        while self._idle and self._idle[0][0] < oldest:
            self._idle.popleft()[1].leave()

    async def close(self) -> None:
        for connection in self._late:
            connection.abort()
        for connection in self._kept():
            connection.leave()
        await asyncio.sleep(0)  # the transports close in the loop's next turn


def _closed_while_idle(trouble: SmtpTrouble) -> bool:
    """The server gave the connection up before this mail; nothing of it was judged, so another one is tried at once."""
    answer = trouble.answer
    return answer.phase is Phase.MAIL and (trouble.connection_lost or answer.code == SERVICE_CLOSING)
