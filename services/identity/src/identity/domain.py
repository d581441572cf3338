"""The rules of accounts: customers, users, their names, what a person still has to do, how long a session lives.

Pure: no clock, no database; callers hand in the time.
"""

import ipaddress
import itertools
import re
import secrets
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Role = Literal["member", "administrator"]
Status = Literal["invited", "active", "deactivated"]
Language = Literal["de", "en"]
Salutation = Literal["none", "mrs", "mr", "diverse"]
Step = Literal["change_password", "accept_privacy_notice"]
PasswordFault = Literal[
    "current_password_missing",
    "current_password_wrong",
    "password_too_short",
    "password_too_long",
    "password_has_control_characters",
    "password_is_username",
    "password_too_common",
    "password_is_initial",
    "password_unchanged",
]

SESSION_IDLE = timedelta(hours=8)
SESSION_LIFETIME = timedelta(days=7)
SESSION_SEEN_EVERY = timedelta(minutes=1)
INITIAL_PASSWORD_LIFETIME = timedelta(days=14)
FAILURES_ALLOWED = 10
FAILURE_WINDOW = timedelta(minutes=15)

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,31}")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"

PASSWORD_SHORTEST = 10
PASSWORD_LONGEST = 128
# No two of these look alike in any usual font.
UNAMBIGUOUS = "abcdefghjkmnpqrstuvwxyz23456789"
INITIAL_PASSWORD_GROUPS = 4
# Those of the commonest that are long enough to be chosen at all; repetitions and runs are found by rule.
COMMON_PASSWORDS = frozenset(
    """password12 password123 password1234 password12345 password123456 password1! password123! passwort12 passwort123
    passwort1234 passwort12345 passwort123! passwortpasswort passwordpassword changeme123 changeme1234 willkommen
    willkommen1 willkommen12 willkommen123 welcome123 welcome1234 hallohallo hallo12345 hallo123456 schalke04!
    1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc qwer1234567 qwertz1234 qwertz12345 qwertz123456 qwerty1234 qwerty12345
    qwerty123456 qwertyuiop qwertzuiop qwertzuiopü asdfghjkl1 asdfghjklö yxcvbnm123 zxcvbnm123 qazwsxedcrfv
    1234554321 1234512345 123456789a 123456789q 1234567891 12345678910 123456789012 1234567890a 0987654321 9876543210
    0123456789 1122334455 123123123123 123321123321 147258369a 147852369a abcd123456 abc1234567 abc123456789 a123456789
    aa12345678 qwe123456789 iloveyou12 iloveyou123 ichliebedich ichliebedich1 sonnenschein sonnenschein1 schatzi123
    fussball123 football123 baseball123 princess123 sunshine123 dragon12345 monkey12345 master12345 superman123
    batman12345 michael123 michelle123 charlie123 jordan12345 letmein123 letmein1234 trustno1234 administrator
    administrator1 administrator123 admin12345 admin123456 kundenportal kundenportal1 kundenportal123 secanim123
    secanimplus secanim2026 sommer2024! sommer2025! sommer2026! winter2024! winter2025! winter2026! deutschland
    deutschland1 testtest12 testtest123 test123456 test1234567 test123456789 starwars123 whatever123 computer123
    internet123 geheim12345 geheimgeheim bismarck123 mercedes123 borussia09 bayernmuenchen""".split()  # noqa: SIM905 - a hundred words read better than a hundred strings
)


class AccountError(Exception):
    """What a caller is told, in the product's words."""


class SignInRefused(AccountError):
    """Name, password or account are not right; which of them is nobody's business."""


class SessionEnded(AccountError):
    """There is no such session, or not any more."""


class TooManyFailures(AccountError):
    """Too many wrong passwords for this name from this network."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("too many failed attempts")
        self.retry_after = retry_after


class PasswordsBusy(AccountError):
    """More passwords wait to be checked than can be in reasonable time."""


class PasswordRefused(AccountError):
    """A password that cannot be taken; `code` says why, for a page to explain in the person's `language`."""

    def __init__(self, code: PasswordFault, language: Language) -> None:
        super().__init__(code)
        self.code = code
        self.language = language


class StepsPending(AccountError):
    """The person has something to do first."""

    def __init__(self, pending: tuple[Step, ...]) -> None:
        super().__init__("steps are pending")
        self.pending = pending


class NoticeOutdated(AccountError):
    """Another version of the privacy notice is in force."""


@dataclass(frozen=True, slots=True)
class Customer:
    customer_number: str
    company: str
    language: Language


@dataclass(frozen=True, slots=True)
class User:
    """A person's account. `language` is the user's own choice, else the customer's."""

    user_id: UUID
    user_version: int
    customer_number: str
    username: str
    email: str
    salutation: Salutation
    first_name: str
    last_name: str
    language: Language
    role: Role
    status: Status
    first: bool

    def with_status(self, status: Status) -> "User":
        return replace(self, status=status, user_version=self.user_version + 1)

    def with_language(self, language: Language) -> "User":
        return replace(self, language=language, user_version=self.user_version + 1)


@dataclass(frozen=True, slots=True)
class Login:
    """What a sign-in is judged by. An initial password expires; one's own does not.

    `password_version` grows with each new password, not when the same one is hashed anew.
    """

    user: User
    password_hash: str
    password_version: int
    initial: bool
    expires_at: datetime | None

    def opens(self, now: datetime) -> bool:
        return self.user.status != "deactivated" and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Session:
    """One person signed in on one device, with all that is asked about it at every call."""

    session_id: UUID
    user: User
    company: str
    last_seen_at: datetime
    expires_at: datetime
    must_change_password: bool
    notice_accepted: bool

    def is_open(self, now: datetime) -> bool:
        idle = now - self.last_seen_at
        return now < self.expires_at and idle < SESSION_IDLE and self.user.status != "deactivated"

    @property
    def pending(self) -> tuple[Step, ...]:
        """What the person has to do before anything else, in this order."""
        steps: list[Step] = []
        if self.must_change_password:
            steps.append("change_password")
        if not self.notice_accepted:
            steps.append("accept_privacy_notice")
        return tuple(steps)


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong passwords for one name from one network, counted from the first of them."""

    count: int
    since: datetime

    def refusal(self, now: datetime) -> TooManyFailures | None:
        left = self.since + FAILURE_WINDOW - now
        return TooManyFailures(left) if self.count >= FAILURES_ALLOWED and left > timedelta(0) else None


def session_end(login: Login, now: datetime) -> datetime:
    """When a new session ends at the latest; one opened by an initial password ends with that password."""
    end = now + SESSION_LIFETIME
    return min(end, login.expires_at) if login.expires_at else end


def read_username(typed: str | None) -> str | None:
    """Read a username as it is compared: without case, without blanks around it; None where it can be nobody's."""
    name = (typed or "").strip().lower()
    return name if USERNAME.fullmatch(name) else None


def make_username() -> str:
    """Make a username that is easily read out on the telephone, as in s8u8i1: 17 million of them."""
    return "".join(secrets.choice(LETTERS) + secrets.choice(DIGITS) for _ in range(3))


def network_of(client: str | None) -> str:
    """Find the network that an address belongs to, IPv4 /24 or IPv6 /64: as far as one person can vary it."""
    try:
        address = ipaddress.ip_address((client or "").strip())
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or ipaddress.IPv6Address(address.packed)
    prefix = 24 if address.version == 4 else 64  # noqa: PLR2004 - the two versions of IP
    return str(ipaddress.ip_network((address, prefix), strict=False))


def read_password(typed: str) -> str:
    """Bring a password into the form that is hashed: NFC (RFC 8265), so that ü is ü from every keyboard."""
    return unicodedata.normalize("NFC", typed)


def read_initial_password(typed: str) -> str:
    """Forgive what happens between a mail and a form: blanks around it, capitals made by a telephone."""
    return typed.strip().lower()


def make_initial_password() -> str:
    """Make a one-time password of 79 random bits that can be typed from paper."""
    groups = ("".join(secrets.choice(UNAMBIGUOUS) for _ in range(4)) for _ in range(INITIAL_PASSWORD_GROUPS))
    return "-".join(groups)


def password_fault(password: str, user: User) -> PasswordFault | None:
    """Say what keeps this from being the user's password; any characters are fine but those nobody can type."""
    folded = password.casefold()
    if len(password) < PASSWORD_SHORTEST:
        return "password_too_short"
    if len(password) > PASSWORD_LONGEST:
        return "password_too_long"
    if any(unicodedata.category(char) == "Cc" for char in password):
        return "password_has_control_characters"
    if folded.strip() == user.username:
        return "password_is_username"
    if folded in COMMON_PASSWORDS or _is_pattern(folded):
        return "password_too_common"
    return None


def _is_pattern(password: str) -> bool:
    """Tell aaaaaaaaaa, abababababab and 12345678901 from passwords."""
    steps = {(ord(after) - ord(before)) % 10 for before, after in itertools.pairwise(password)}
    return len(set(password)) <= 2 or (len(steps) == 1 and password.isdecimal())  # noqa: PLR2004 - one or two characters
