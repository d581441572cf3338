"""End a session; its token opens nothing from then on."""

from dataclasses import dataclass

from chassis.logs import get_logger
from identity.ports import Transactions
from identity.use_cases.read_session import ReadSession
from identity.use_cases.recognise_session import principal_of

log = get_logger()


@dataclass(frozen=True, slots=True)
class SignOut:
    transactions: Transactions
    read_session: ReadSession

    async def __call__(self, token: str | None) -> None:
        session = await self.read_session(token)
        async with self.transactions.tenant(principal_of(session)) as work:
            await work.sessions.end(session.session_id)
        log.info("user_signed_out", user_id=str(session.user.user_id), session_id=str(session.session_id))
