"""The notifier's named moments and its build that is wrong on purpose.

`before_connect`, `before_dot_pending` (the body is out), `before_dot` (the mark is committed), `after_answer` (the mail
server has said its word, no row knows it yet).
"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from notifier.adapters.postgres_deliveries import PostgresDeliveries
from notifier.domain import State
from notifier.ports import Mailer, Message, Outcome, Result, Ticket
from notifier.wiring import NotifierWork
from tests.faults.points import Points

BROKEN = "FAULT_BROKEN"
NO_DOT_PENDING = "no_dot_pending"
POINTS = ("before_connect", "before_dot_pending", "before_dot", "after_answer")


def build(environ: Mapping[str, str] = os.environ) -> str:
    """Which build this process is; empty for the right one. A name that nobody knows is no build at all."""
    name = environ.get(BROKEN, "")
    if name not in {"", NO_DOT_PENDING}:
        raise ValueError(f"no such build: {name}")
    return name


def work(name: str, conn: AsyncConnection, clock: Clock) -> NotifierWork:
    """What the handlers and the sender write with in this build."""
    return UnmarkedWork(conn, clock) if name == NO_DOT_PENDING else NotifierWork(conn, clock)


class UnmarkedDeliveries(PostgresDeliveries):
    """Gives leave for the dot without writing it down: the row says `sending` until the answer is in."""

    async def mark_dot_pending(self, tickets: Sequence[Ticket]) -> set[Ticket]:
        return await self.renew(tickets)

    async def settle(self, results: Sequence[Result]) -> set[Ticket]:
        answered = {State.SENT, State.UNKNOWN}
        await super().mark_dot_pending([result.ticket for result in results if result.state in answered])
        return await super().settle(results)


class UnmarkedWork(NotifierWork):
    def __init__(self, conn: AsyncConnection, clock: Clock) -> None:
        super().__init__(conn, clock)
        self.deliveries = UnmarkedDeliveries(conn)


class PointedMailer:
    """A mail server's step with the moments that nobody sees from outside."""

    def __init__(self, mailer: Mailer, points: Points) -> None:
        self._mailer, self._points = mailer, points

    async def send(
        self, message: Message, *, still_mine: Callable[[], bool], may_finish: Callable[[], Awaitable[bool]]
    ) -> Outcome:
        async def finish() -> bool:
            await self._points.reach("before_dot_pending")
            granted = await may_finish()
            await self._points.reach("before_dot")
            return granted

        await self._points.reach("before_connect")
        outcome = await self._mailer.send(message, still_mine=still_mine, may_finish=finish)
        await self._points.reach("after_answer")
        return outcome

    def tidy(self) -> None:
        self._mailer.tidy()

    async def close(self) -> None:
        await self._mailer.close()
