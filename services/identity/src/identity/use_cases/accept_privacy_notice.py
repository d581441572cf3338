"""Keep for ever that a person accepted the privacy notice in force."""

from dataclasses import dataclass

from chassis.clock import Clock
from chassis.logs import get_logger
from identity.domain import NoticeOutdated
from identity.ports import PrivacyNotices, Transactions
from identity.use_cases.read_session import ReadSession
from identity.use_cases.recognise_session import principal_of

log = get_logger()


@dataclass(frozen=True, slots=True)
class AcceptPrivacyNotice:
    transactions: Transactions
    notices: PrivacyNotices
    read_session: ReadSession
    clock: Clock

    async def __call__(self, token: str | None, version: str) -> None:
        """Accept the version that the person has seen, which must be the one in force."""
        session = await self.read_session(token)
        if version != self.notices.version:
            raise NoticeOutdated
        async with self.transactions.tenant(principal_of(session)) as work:
            await work.acceptances.add(session.user, version, self.clock.now())
        log.info("privacy_notice_accepted", user_id=str(session.user.user_id), version=version)
