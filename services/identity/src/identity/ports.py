"""What the use cases need from outside: the repositories of one transaction, passwords, secrets, tokens, texts."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from chassis.messaging.subscriptions import Event
from chassis.outbox.record import EventLog
from chassis.principal import Principal
from identity.domain import Customer, Failures, Language, Login, Session, User


class CannotStart(Exception):
    """The service must not run like this; the sentence says what to do."""


class Customers(Protocol):
    async def add(self, customers: Sequence[Customer]) -> set[str]:
        """Add those that are not there yet and return their numbers; waits for others who add the same."""
        ...

    async def lock(self, numbers: Collection[str]) -> Mapping[str, Customer]:
        """Lock and return those that are there, in one order for everybody."""
        ...

    async def save(self, customers: Sequence[Customer]) -> None: ...

    async def close(self, numbers: Collection[str], now: datetime) -> None:
        """Mark as closed; the first time stays."""
        ...


@dataclass(frozen=True, slots=True)
class NewUser:
    """A first user with the initial password's hash."""

    user: User
    password_hash: str
    expires_at: datetime


class Users(Protocol):
    async def add(self, users: Sequence[NewUser]) -> set[UUID]:
        """Add each whose username is free and return their ids; of several who ask for one name, one gets it."""
        ...

    async def first_of(self, numbers: Collection[str]) -> Mapping[str, User]:
        """Find the first user of each customer."""
        ...

    async def lock_of(self, numbers: Collection[str]) -> Sequence[User]:
        """Lock and return all users of these customers, in one order for everybody."""
        ...

    async def lock(self, user_id: UUID) -> User | None: ...

    async def lock_followers(self, numbers: Collection[str]) -> Sequence[User]:
        """Like `lock_of`, but only those who have chosen no language of their own and so follow the customer's."""
        ...

    async def save(self, users: Sequence[User]) -> None:
        """Write status and version, which is all that changes here; the language is the customer's."""
        ...


class Credentials(Protocol):
    async def find(self, username: str) -> Login | None: ...

    async def of(self, user_id: UUID) -> Login | None: ...

    async def hold(self, user_id: UUID) -> Login | None:
        """Like `of`, and keeps status and password as they are until the transaction ends."""
        ...

    async def replace(self, login: Login, new_hash: str) -> bool:
        """Store the user's own password; False where it is no longer the one that `login` knows."""
        ...

    async def rehash(self, login: Login, new_hash: str) -> None:
        """Store the same password hashed anew, unless it has changed meanwhile."""
        ...


class Sessions(Protocol):
    async def add(
        self, *, session_id: UUID, token_sha256: bytes, user: User, now: datetime, expires_at: datetime
    ) -> None: ...

    async def find(self, token_sha256: bytes, *, notice_version: str) -> Session | None: ...

    async def seen(self, session_id: UUID, now: datetime) -> None: ...

    async def end(self, session_id: UUID) -> None: ...

    async def end_of(self, user_ids: Collection[UUID], *, but: UUID | None = None) -> None: ...

    async def forget_ended(self, now: datetime) -> int: ...


class Acceptances(Protocol):
    async def add(self, user: User, version: str, now: datetime) -> None:
        """Keep for ever who accepted which version when; the first time counts."""
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whose password is tried from where; the name may be nobody's, so it is kept as a hash."""

    username_sha256: bytes
    network: str


class FailedAttempts(Protocol):
    async def of(self, attempt: Attempt) -> Failures | None: ...

    async def add(self, attempt: Attempt, now: datetime) -> None:
        """Count one more; after the window counting begins anew."""
        ...

    async def clear(self, attempt: Attempt) -> None: ...

    async def forget_old(self, now: datetime) -> int: ...


class Inbox(Protocol):
    async def known(self, events: Sequence[Event], /) -> Mapping[tuple[str, str], bytes]: ...

    async def take(self, events: Sequence[Event], /) -> None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction, seen as what can be done in it. Whoever opened it commits."""

    customers: Customers
    users: Users
    credentials: Credentials
    sessions: Sessions
    acceptances: Acceptances
    failures: FailedAttempts
    inbox: Inbox
    outbox: EventLog


class Transactions(Protocol):
    """Leaving the block commits, an exception rolls back."""

    def service(self) -> AbstractAsyncContextManager[Work]:
        """Begin one that sees every customer: where it is not yet known who asks."""
        ...

    def tenant(self, principal: Principal) -> AbstractAsyncContextManager[Work]:
        """Begin one that sees this principal's customer alone."""
        ...


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a password fits; `new_hash` where the stored one was made with weaker parameters than today's."""

    fits: bool
    new_hash: str | None = None


class Passwords(Protocol):
    async def verify(self, stored: str | None, password: str) -> Verified:
        """Compare in always the same time, also with nobody's (None). Raises PasswordsBusy."""
        ...

    async def hash(self, password: str) -> str:
        """Hash a password that a person chose. Raises PasswordsBusy."""
        ...

    async def hash_initial(self, passwords: Sequence[str]) -> Sequence[str]:
        """Hash passwords of our own making, which are long and random; waits instead of refusing."""
        ...


class Secrets(Protocol):
    async def seal(self, secrets: Sequence[str]) -> Sequence[str]:
        """Encrypt each so that the notifier alone can read it."""
        ...


class Principals(Protocol):
    def issue(self, principal: Principal) -> str: ...

    def jwks(self) -> dict[str, Any]:
        """Give the public keys by which principals are verified."""
        ...


@dataclass(frozen=True, slots=True)
class PrivacyNotice:
    """A text in force. `html` is a fragment without the heading, which is `title`."""

    version: str
    title: str
    html: str


class PrivacyNotices(Protocol):
    @property
    def version(self) -> str:
        """The version in force."""
        ...

    def text(self, language: Language) -> PrivacyNotice:
        """Give the text in force, in German where there is no other."""
        ...
