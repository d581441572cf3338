"""Turn a session's token into a principal that every service can verify; the hot path of every call."""

from dataclasses import dataclass

from identity.domain import Session, StepsPending
from identity.ports import Principals
from identity.use_cases.read_session import ReadSession
from identity.use_cases.recognise_session import principal_of


@dataclass(frozen=True, slots=True)
class IssuePrincipal:
    read_session: ReadSession
    principals: Principals

    async def __call__(self, token: str | None) -> tuple[str, Session]:
        """Issue one unless the person has something to do first."""
        session = await self.read_session(token)
        if session.pending:
            raise StepsPending(session.pending)
        return self.principals.issue(principal_of(session)), session
