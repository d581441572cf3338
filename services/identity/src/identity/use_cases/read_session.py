"""Say who is signed in, and what that person still has to do."""

from dataclasses import dataclass

from chassis.clock import Clock
from identity.domain import Session
from identity.ports import PrivacyNotices, Transactions
from identity.use_cases.recognise_session import recognise_session


@dataclass(frozen=True, slots=True)
class ReadSession:
    transactions: Transactions
    notices: PrivacyNotices
    clock: Clock

    async def __call__(self, token: str | None) -> Session:
        async with self.transactions.service() as work:
            return await recognise_session(work, token, notice_version=self.notices.version, now=self.clock.now())
