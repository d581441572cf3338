"""Take customers as billing tells them: the first word makes the customer and its first user, later ones change it.

A customer registered again counts as changed, one changed that nobody registered counts as registered. A change touches
company and language; a person's name and address are that person's. One user and one initial password for each customer,
however often and under however many event ids it comes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from chassis.clock import Clock
from chassis.logs import get_logger
from chassis.messaging.subscriptions import DeadLetter, Event
from chassis.outbox.record import Outgoing
from identity.domain import INITIAL_PASSWORD_LIFETIME, Customer, Language, User, make_initial_password, make_username
from identity.ports import NewUser, Passwords, Secrets, Work
from identity.use_cases.describe_user import describe_user, user_facts
from identity.use_cases.judge_records import Refusal, judge, reject, take_once
from kundenportal_contracts.billing import CustomerData, CustomerRegistered
from kundenportal_contracts.identity import CustomerAccepted, InitialPasswordIssued, UserChanged, UserCreated

NAMES_TRIED = 20

log = get_logger()


class NoUsernameFree(Exception):
    """Every name drawn was taken: there are 17 million, so something else is wrong."""


@dataclass(frozen=True, slots=True)
class InitialPassword:
    """What is left of a one-time password: its hash, and a secret that the notifier alone can read."""

    user_id: UUID
    password_hash: str
    sealed: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Registration:
    event: Event
    data: CustomerData
    initial: InitialPassword

    @property
    def customer(self) -> Customer:
        return Customer(self.data.customer_number, self.data.company, self.data.language)

    def first_user(self, language: Language) -> NewUser:
        """Make the customer's first user of the person in this record, in the customer's latest language."""
        data, initial = self.data, self.initial
        user = User(
            user_id=initial.user_id,
            user_version=1,
            customer_number=data.customer_number,
            username=data.wished_username or make_username(),
            email=data.email,
            salutation=data.salutation,
            first_name=data.first_name,
            last_name=data.last_name,
            language=language,
            role="administrator",
            status="invited",
            first=True,
        )
        return NewUser(user, initial.password_hash, initial.expires_at)


@dataclass(frozen=True, slots=True)
class RegisterCustomers:
    kind: type[CustomerData]
    sources: tuple[str, ...]
    passwords: Passwords
    secrets: Secrets
    clock: Clock

    async def prepare(self, events: Sequence[Event]) -> Sequence[Registration | Refusal]:
        """Judge each event and make an initial password per customer, needed or not: who is known is seen later."""
        now = self.clock.now()
        judged = [judge(event, self.kind, sources=self.sources, now=now) for event in events]
        numbers = {data.customer_number for data in judged if not isinstance(data, Refusal)}
        initial = await self._initial_passwords(sorted(numbers), now + INITIAL_PASSWORD_LIFETIME)
        return [
            data if isinstance(data, Refusal) else Registration(event, data, initial[data.customer_number])
            for event, data in zip(events, judged, strict=True)
        ]

    async def apply(self, prepared: Sequence[Registration | Refusal], work: Work) -> Sequence[DeadLetter]:
        taken, refusals = await take_once(prepared, work)
        letters = await reject(refusals, work)
        first = {one.data.customer_number: one for one in reversed(taken)}
        last = {one.data.customer_number: one for one in taken}
        new = await work.customers.add([one.customer for one in last.values()])
        said = await _add_users([first[number] for number in sorted(new)], last, work)
        said += await _change([one for number, one in last.items() if number not in new], work)
        asked = taken if self.kind is CustomerRegistered else [first[number] for number in sorted(new)]
        said += await _answer(asked, work)
        await work.outbox.add_all(said)
        return letters

    async def _initial_passwords(self, numbers: Sequence[str], expires_at: datetime) -> Mapping[str, InitialPassword]:
        plain = [make_initial_password() for _ in numbers]
        hashes = await self.passwords.hash_initial(plain)
        sealed = await self.secrets.seal(plain)
        return {
            number: InitialPassword(uuid4(), password_hash, secret, expires_at)
            for number, password_hash, secret in zip(numbers, hashes, sealed, strict=True)
        }


async def _add_users(first: Sequence[Registration], last: Mapping[str, Registration], work: Work) -> list[Outgoing]:
    """Add the first user of each new customer, under a name that is made where the one asked for is taken."""
    by_user = {one.initial.user_id: one for one in first}
    waiting = [one.first_user(last[one.data.customer_number].data.language) for one in first]
    said: list[Outgoing] = []
    for _ in range(NAMES_TRIED):
        added = await work.users.add(waiting) if waiting else set()
        for new in waiting:
            if new.user.user_id in added:
                said += _introduce(new.user, by_user[new.user.user_id])
        waiting = [_renamed(new) for new in waiting if new.user.user_id not in added]
    if waiting:
        raise NoUsernameFree(f"no free username in {NAMES_TRIED} draws")
    return said


def _renamed(new: NewUser) -> NewUser:
    return replace(new, user=replace(new.user, username=make_username()))


def _introduce(user: User, registration: Registration) -> list[Outgoing]:
    """Tell of the new user, and what the welcome mail needs: it may be read before the user is."""
    with registration.event.trace():
        log.info("customer_registered", customer_number=user.customer_number, user_id=str(user.user_id))
    initial = registration.initial
    credential = {**user_facts(user), "expires_at": initial.expires_at, "secret": initial.sealed}
    events = (describe_user(UserCreated, user), InitialPasswordIssued.model_validate(credential))
    return [Outgoing(event, caused_by=registration.event) for event in events]


async def _change(registrations: Sequence[Registration], work: Work) -> list[Outgoing]:
    """Change company and language; users who have chosen no language of their own go along."""
    changes = {one.data.customer_number: one for one in registrations}
    known = await work.customers.lock(changes.keys())
    changed = {number: one for number, one in changes.items() if number in known and known[number] != one.customer}
    await work.customers.save([one.customer for one in changed.values()])
    turned = {number for number, one in changed.items() if known[number].language != one.data.language}
    users = [
        user.with_language(changed[user.customer_number].data.language)
        for user in await work.users.lock_followers(turned)
    ]
    await work.users.save(users)
    return [Outgoing(describe_user(UserChanged, user), caused_by=changed[user.customer_number].event) for user in users]


async def _answer(registrations: Sequence[Registration], work: Work) -> list[Outgoing]:
    """Tell billing each time under which username the customer's first user signs in."""
    first_users = await work.users.first_of({one.data.customer_number for one in registrations})
    return [
        Outgoing(
            CustomerAccepted(customer_number=user.customer_number, user_id=user.user_id, username=user.username),
            caused_by=one.event,
        )
        for one in registrations
        if (user := first_users.get(one.data.customer_number))
    ]
