"""Keeps who gets mail as identity says it, and hands a new customer's waiting documents to its first user."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from chassis.messaging.subscriptions import DeadLetter, Event
from kundenportal_contracts import identity
from kundenportal_contracts.envelope import EventInvalid
from notifier.domain import Person, User
from notifier.ports import Work
from notifier.use_cases.hand_over_waiting import hand_over_waiting

DELETED = "deleted"
GONE = frozenset({"deactivated", DELETED})


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A null value: nothing of this user is to be kept. `user_id` is None where the key is no user's."""

    user_id: UUID | None


class KeepAddressBook:
    """Takes one kind of user event; a higher user_version wins, so no event needs to be remembered."""

    def __init__(self, model: type[identity.User]) -> None:
        self._model = model

    async def prepare(self, events: Sequence[Event]) -> Sequence[User | Forgotten | DeadLetter]:
        return [self._read(event) for event in events]

    async def apply(self, prepared: Sequence[User | Forgotten], work: Work) -> Sequence[DeadLetter]:
        users = [each for each in prepared if isinstance(each, User)]
        forgotten = {each.user_id for each in prepared if isinstance(each, Forgotten) and each.user_id is not None}
        if users:
            await _keep(users, work)
        if forgotten:
            await work.address_book.forget(forgotten)
        return []

    def _read(self, event: Event) -> User | Forgotten | DeadLetter:
        if event.record.value is None:
            return Forgotten(_user_id(event.record.key))
        try:
            said = event.decode(self._model)
        except EventInvalid as error:
            return DeadLetter(event.record, error.reason, error.detail)
        return User(
            user_id=said.user_id,
            user_version=said.user_version,
            customer_number=said.customer_number,
            email=said.email,
            person=Person(said.language, said.salutation, said.first_name, said.last_name),
            role=said.role,
            status=DELETED if isinstance(said, identity.UserDeleted) else said.status,
            first=said.first if isinstance(said, identity.UserCreated) else None,
        )


async def _keep(users: Sequence[User], work: Work) -> None:
    customers = {user.customer_number for user in users}
    await work.address_book.lock_customers(customers)
    known = await work.address_book.first_users(customers)
    users = [_perhaps_first(user, known.keys()) for user in users]
    applied = await work.address_book.keep(users)
    gone = [user for user in users if user.user_id in applied and user.status in GONE]
    if gone:
        await _let_go(gone, work)
    if any(user.first for user in users):
        await hand_over_waiting({user.customer_number for user in users if user.first}, work)


def _perhaps_first(user: User, customers_with_first: Container[str]) -> User:
    """Compaction may have eaten a first user's UserCreated: an administrator of a customer without one stands in."""
    stands_in = user.first is None and user.role == "administrator" and user.status not in GONE
    if stands_in and user.customer_number not in customers_with_first:
        return replace(user, first=True)
    return user


async def _let_go(users: Sequence[User], work: Work) -> None:
    customers = {user.customer_number for user in users}
    await work.deliveries.cancel_for_users({user.user_id for user in users}, customers, "recipient_gone")
    deleted = {user.user_id for user in users if user.status == DELETED}
    if deleted:
        await work.address_book.forget(deleted)


def _user_id(key: bytes | None) -> UUID | None:
    try:
        return UUID((key or b"").decode("ascii"))
    except ValueError:
        return None
