"""Somebody who has an account: a customer with its first user in memory, and the use cases around them."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.testing.frozen_clock import FrozenClock
from chassis.testing.principals import make_principal
from identity.api import UseCases
from identity.domain import Customer, User
from identity.ports import NewUser
from identity.use_cases.sign_in import SignedIn
from identity.wiring import use_cases
from tests.identity.making import PlainNotices, PlainPasswords, user
from tests.identity.memory import Credential, MemoryTransactions

INITIAL = "k7mq-x4hd-9rtb-w2np"
OWN = "Grünkohl mit Pinkel"


class PlainPrincipals:
    def issue(self, principal: object) -> str:
        return f"token of {principal}"

    def jwks(self) -> dict[str, object]:
        return {"keys": []}


@dataclass
class Household:
    """Customer 4711 with one user, who has an initial password or one of one's own."""

    transactions: MemoryTransactions
    passwords: PlainPasswords
    notices: PlainNotices
    use: UseCases
    clock: FrozenClock
    user: User

    async def sign_in(self, password: str, username: str = "s8u8i1", client: str = "192.0.2.1") -> SignedIn:
        return await self.use.sign_in(username=username, password=password, client=client)

    def set_own_password(self, password_hash: str = f"hashed:{OWN}") -> None:
        self.transactions.tables.credentials[self.user.user_id] = Credential(
            password_hash, 2, initial=False, expires_at=None
        )
        self.transactions.tables.users[self.user.user_id] = self.user.with_status("active")

    def deactivate(self) -> None:
        self.transactions.tables.users[self.user.user_id] = self.user.with_status("deactivated")

    def accept_notice(self) -> None:
        self.transactions.tables.acceptances[self.user.user_id, self.notices.version] = self.clock.now()


async def household(clock: FrozenClock) -> Household:
    transactions, passwords, notices = MemoryTransactions(clock), PlainPasswords(), PlainNotices()
    one = user()
    async with transactions.tenant(make_principal()) as work:
        await work.customers.add([Customer("4711", "Hof Mustermann", "de")])
        await work.users.add([NewUser(one, f"initial:{INITIAL}", clock.now() + timedelta(days=14))])
    use = use_cases(transactions, passwords, PlainPrincipals(), notices, clock)
    return Household(transactions, passwords, notices, use, clock, one)
