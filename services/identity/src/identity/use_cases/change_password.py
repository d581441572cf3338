"""Give a user a password of one's own, which ends every other session of that user."""

from dataclasses import dataclass

from chassis.clock import Clock
from chassis.logs import get_logger
from identity.domain import (
    Login,
    PasswordFault,
    PasswordRefused,
    Session,
    SessionEnded,
    password_fault,
    read_initial_password,
    read_password,
)
from identity.ports import Passwords, Transactions
from identity.use_cases.describe_user import describe_user
from identity.use_cases.read_session import ReadSession
from identity.use_cases.recognise_session import principal_of
from identity.use_cases.throttle_attempts import attempt_of, count_failure, refuse_too_many
from kundenportal_contracts.identity import UserChanged

log = get_logger()


@dataclass(frozen=True, slots=True)
class ChangePassword:
    transactions: Transactions
    passwords: Passwords
    read_session: ReadSession
    clock: Clock

    async def __call__(
        self, token: str | None, *, new_password: str, current_password: str | None, client: str | None
    ) -> None:
        """Ask for the current password, except where the one in use is the initial one."""
        session = await self.read_session(token)
        user = session.user
        async with self.transactions.tenant(principal_of(session)) as work:
            login = await work.credentials.of(user.user_id)
        if login is None:
            raise SessionEnded
        new = read_password(new_password)
        if not login.initial:
            await self._check_current(login, current_password, client)
        fault = password_fault(new, user) or await self._same_as_before(login, new, current_password)
        if fault:
            raise PasswordRefused(fault, user.language)
        await self._store(session, login, await self.passwords.hash(new))

    async def _check_current(self, login: Login, current: str | None, client: str | None) -> None:
        """Count wrong ones like failed logins: who holds a stolen session shall not find the password with it."""
        if not current:
            raise PasswordRefused("current_password_missing", login.user.language)
        attempt = attempt_of(login.user.username, client)
        async with self.transactions.service() as work:
            await refuse_too_many(work, attempt, self.clock)
        verified = await self.passwords.verify(login.password_hash, read_password(current))
        if not verified.fits:
            await count_failure(self.transactions, attempt, self.clock)
            raise PasswordRefused("current_password_wrong", login.user.language)

    async def _same_as_before(self, login: Login, new: str, current: str | None) -> PasswordFault | None:
        if not login.initial:
            return "password_unchanged" if current and read_password(current) == new else None
        verified = await self.passwords.verify(login.password_hash, read_initial_password(new))
        return "password_is_initial" if verified.fits else None

    async def _store(self, session: Session, login: Login, new_hash: str) -> None:
        """Store it unless another change came first; the user becomes active with the first own password."""
        async with self.transactions.tenant(principal_of(session)) as work:
            user = await work.users.lock(session.user.user_id)
            if user is None or user.status == "deactivated" or not await work.credentials.replace(login, new_hash):
                raise SessionEnded
            await work.sessions.end_of([user.user_id], but=session.session_id)
            if user.status == "invited":
                user = user.with_status("active")
                await work.users.save([user])
                await work.outbox.add(describe_user(UserChanged, user))
        log.info("password_changed", user_id=str(user.user_id))
