"""Who a session stands for, asked of identity and remembered for at most two seconds.

Only a granted answer is kept, counted from when the question was sent; nothing is prolonged while identity is away.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus

from chassis.clock import Clock
from chassis.principal import SESSION_HEADER
from chassis.problems import Problem
from gateway.upstreams import ServiceUnavailable, Upstream

LIFETIME_SECONDS = 2.0
MOST_ENTRIES = 10_000


class NotSignedIn(Problem):
    def __init__(self) -> None:
        super().__init__(401, "/problems/no-session", "Not signed in")


class StepsPending(Problem):
    """Signed in, but something has to be done first; the steps stand in their order."""

    def __init__(self, pending: tuple[str, ...]) -> None:
        super().__init__(403, "/problems/pending-steps", "Steps are pending", pending=list(pending))
        self.pending = pending


@dataclass(frozen=True, slots=True)
class Granted:
    principal: str
    user_id: str
    asked_at: float


class Principals:
    """Asks once for many requests that come at the same time, and forgets when a call through here changed something."""

    def __init__(self, identity: Upstream, clock: Clock, *, most_entries: int = MOST_ENTRIES) -> None:
        self._identity = identity
        self._clock = clock
        self._most_entries = most_entries
        self._granted: OrderedDict[str, Granted] = OrderedDict()
        self._questions: dict[str, asyncio.Task[Granted]] = {}
        self._changes = 0

    async def of(self, token: str) -> str:
        """Give the principal's token. Raises NotSignedIn, StepsPending or ServiceUnavailable."""
        known = self._granted.get(token)
        if known is not None and self._clock.monotonic() - known.asked_at < LIFETIME_SECONDS:
            return known.principal
        question = self._questions.get(token)
        if question is None:
            question = asyncio.create_task(self._ask(token, self._changes))
            self._questions[token] = question
            question.add_done_callback(lambda done: self._answered(token, done))
        # A visitor who goes away takes the question from nobody else.
        return (await asyncio.shield(question)).principal

    def forget(self, token: str) -> None:
        """Drop what is known of the session's user, and whatever is being answered right now."""
        self._changes += 1
        self._questions.clear()
        dropped = self._granted.pop(token, None)
        if dropped is not None:
            for other in [key for key, entry in self._granted.items() if entry.user_id == dropped.user_id]:
                del self._granted[other]

    async def _ask(self, token: str, changes: int) -> Granted:
        asked_at = self._clock.monotonic()
        answer = await self._identity.call("POST", "/internal/principal", headers={SESSION_HEADER: token})
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise NotSignedIn
        if answer.status == HTTPStatus.FORBIDDEN:
            raise StepsPending(tuple(answer.json().get("pending", ())))
        if answer.status != HTTPStatus.OK:
            raise ServiceUnavailable(self._identity.name)
        told = answer.json()
        granted = Granted(told["principal"], told["user_id"], asked_at)
        if changes == self._changes:
            self._keep(token, granted)
        return granted

    def _keep(self, token: str, granted: Granted) -> None:
        self._granted[token] = granted
        self._granted.move_to_end(token)
        while len(self._granted) > self._most_entries:
            self._granted.popitem(last=False)

    def _answered(self, token: str, question: "asyncio.Task[Granted]") -> None:
        if self._questions.get(token) is question:
            del self._questions[token]
        if not question.cancelled():
            question.exception()
