"""Open a session for a username and a password.

Known and unknown names, deactivated users and expired initial passwords are answered alike and in the same time.
"""

from dataclasses import dataclass
from uuid import uuid4

from chassis.clock import Clock
from chassis.logs import get_logger
from chassis.principal import Principal
from identity.domain import (
    Login,
    Session,
    SessionEnded,
    SignInRefused,
    read_initial_password,
    read_password,
    read_username,
    session_end,
)
from identity.ports import Attempt, Passwords, PrivacyNotices, Transactions, Verified, Work
from identity.use_cases.recognise_session import make_token, recognise_session, token_sha256
from identity.use_cases.throttle_attempts import attempt_of, count_failure, refuse_too_many

log = get_logger()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with its token, which is told this once."""

    session: Session
    token: str


@dataclass(frozen=True, slots=True)
class SignIn:
    transactions: Transactions
    passwords: Passwords
    notices: PrivacyNotices
    clock: Clock

    async def __call__(self, *, username: str, password: str, client: str | None) -> SignedIn:
        attempt = attempt_of(username, client)
        name = read_username(username)
        async with self.transactions.service() as work:
            failed_before = await refuse_too_many(work, attempt, self.clock)
            login = await work.credentials.find(name) if name else None
        verified = await self._verify(login, password)
        if login is None or not verified.fits or not login.opens(self.clock.now()):
            await count_failure(self.transactions, attempt, self.clock)
            log.info("sign_in_refused", network=attempt.network)
            raise SignInRefused
        return await self._open(login, verified, attempt if failed_before else None)

    async def _verify(self, login: Login | None, password: str) -> Verified:
        if login is None:
            return await self.passwords.verify(None, password)
        typed = read_initial_password(password) if login.initial else read_password(password)
        return await self.passwords.verify(login.password_hash, typed)

    async def _open(self, login: Login, verified: Verified, failed: Attempt | None) -> SignedIn:
        """Open the session, unless password or status have changed since the password was compared."""
        user, token = login.user, make_token()
        principal = Principal(user.user_id, user.customer_number, user.role, uuid4())
        async with self.transactions.tenant(principal) as work:
            now = self.clock.now()
            held = await work.credentials.hold(user.user_id)
            if held is None or held.password_version != login.password_version or not held.opens(now):
                raise SignInRefused
            await work.sessions.add(
                session_id=principal.session_id,
                token_sha256=token_sha256(token),
                user=user,
                now=now,
                expires_at=session_end(held, now),
            )
            if verified.new_hash:
                await work.credentials.rehash(held, verified.new_hash)
            if failed:
                await work.failures.clear(failed)
            session = await self._read(work, token)
        log.info("user_signed_in", user_id=str(user.user_id), session_id=str(principal.session_id))
        return SignedIn(session, token)

    async def _read(self, work: Work, token: str) -> Session:
        try:
            return await recognise_session(work, token, notice_version=self.notices.version, now=self.clock.now())
        except SessionEnded:
            raise SignInRefused from None
