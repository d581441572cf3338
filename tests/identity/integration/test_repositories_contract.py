"""One suite for the repositories in memory and in PostgreSQL, so that unit tests stand on what is true."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from chassis.testing.frozen_clock import FrozenClock
from identity.adapters.postgres_work import PostgresTransactions
from identity.domain import FAILURE_WINDOW, Customer, Failures, Login, Session, User
from identity.ports import Attempt, NewUser, Transactions, Work
from tests.identity.making import NOW, user
from tests.identity.memory import MemoryTransactions

pytestmark = pytest.mark.integration

HOF = Customer("4711", "Hof Mustermann", "de")
EXPIRES = NOW + timedelta(days=14)
TOKEN = hashlib.sha256(b"token").digest()


@pytest.fixture(params=["memory", "postgres"])
def transactions(request: pytest.FixtureRequest, clock: FrozenClock) -> Transactions:
    if request.param == "memory":
        return MemoryTransactions(clock)
    return PostgresTransactions(request.getfixturevalue("database"), clock)


async def add(work: Work, *users: User) -> set[UUID]:
    await work.customers.add([HOF])
    return await work.users.add([NewUser(one, f"hash of {one.username}", EXPIRES) for one in users])


async def open_session(work: Work, of: User, token: bytes = TOKEN) -> UUID:
    session_id = uuid4()
    await work.sessions.add(
        session_id=session_id, token_sha256=token, user=of, now=NOW, expires_at=NOW + timedelta(days=7)
    )
    return session_id


async def found(work: Work, token: bytes = TOKEN) -> Session:
    session = await work.sessions.find(token, notice_version="1")
    assert session
    return session


async def test_a_customer_is_added_once(transactions: Transactions) -> None:
    """Adding tells which customers are new; those that are there stay as they are."""
    other = replace(HOF, customer_number="4712")
    async with transactions.service() as work:
        assert await work.customers.add([HOF]) == {"4711"}
        assert await work.customers.add([replace(HOF, company="Anders"), other]) == {"4712"}
        assert await work.customers.lock(["4712", "4711", "9999"]) == {"4711": HOF, "4712": other}


async def test_saving_a_customer_changes_company_and_language(transactions: Transactions) -> None:
    """A saved customer is read back as it was saved."""
    changed = replace(HOF, company="Köhler & Łoś GmbH", language="en")
    async with transactions.service() as work:
        await work.customers.add([HOF])
        await work.customers.save([changed])
        await work.customers.save([])
        assert await work.customers.lock(["4711"]) == {"4711": changed}


async def test_a_username_is_given_once(transactions: Transactions) -> None:
    """Of two users who ask for one name at once, one is added; a later one is not."""
    async with transactions.service() as work:
        first, second, third = user(), user(first=False), user(first=False)
        assert len(await add(work, first, second)) == 1
        assert await add(work, third) == set()
        assert await add(work, replace(third, username="w1x2y3")) == {third.user_id}


async def test_users_are_read_as_they_were_added(transactions: Transactions) -> None:
    """First users are found by customer; all users of a customer come in the order of their ids."""
    async with transactions.service() as work:
        first, second = user(first_name="Zoë", last_name="Łukaszewicz"), user(username="w1x2y3", first=False)
        await add(work, first, second)
        assert await work.users.first_of(["4711", "9999"]) == {"4711": first}
        assert await work.users.lock_of(["4711"]) == sorted([first, second], key=lambda one: one.user_id)
        assert await work.users.lock(second.user_id) == second
        assert await work.users.lock(uuid4()) is None
        assert await work.users.lock_of([]) == []


async def test_a_user_without_a_language_follows_the_customer(transactions: Transactions) -> None:
    """The customer's language is the user's, until the user chooses one."""
    async with transactions.service() as work:
        only = user()
        await add(work, only)
        await work.customers.save([replace(HOF, language="en")])
        assert await work.users.lock_followers(["4711"]) == [replace(only, language="en")]


async def test_saving_users_writes_status_and_version(transactions: Transactions) -> None:
    """Nothing but status and version is written."""
    async with transactions.service() as work:
        only = user()
        await add(work, only)
        await work.users.save([replace(only.with_status("active"), email="other@mail.example")])
        assert await work.users.lock(only.user_id) == replace(only, status="active", user_version=2)


async def test_a_login_is_found_by_username(transactions: Transactions) -> None:
    """It comes with the user and the initial password's hash and end."""
    async with transactions.service() as work:
        only = user()
        await add(work, only)
        login = Login(only, "hash of s8u8i1", 1, initial=True, expires_at=EXPIRES)
        assert await work.credentials.find("s8u8i1") == login
        assert await work.credentials.of(only.user_id) == login
        assert await work.credentials.hold(only.user_id) == login
        assert await work.credentials.find("nobody") is None
        assert await work.credentials.hold(uuid4()) is None


async def test_a_password_is_replaced_if_it_is_still_the_known_one(transactions: Transactions) -> None:
    """Of two who replace the same password, the second is told; hashing anew is no replacement."""
    async with transactions.service() as work:
        await add(work, user())
        login = await work.credentials.find("s8u8i1")
        assert login
        await work.credentials.rehash(login, "hashed anew")
        assert await work.credentials.replace(login, "own")
        assert not await work.credentials.replace(login, "other")
        await work.credentials.rehash(login, "of the old one")
        after = await work.credentials.find("s8u8i1")
        assert after == Login(login.user, "own", 2, initial=False, expires_at=None)


async def test_a_session_is_found_by_its_token(transactions: Transactions) -> None:
    """It comes with user, company and what the person has done and still has to do."""
    async with transactions.service() as work:
        only = user()
        await add(work, only)
        session_id = await open_session(work, only)
        session = await found(work)
        assert (session.session_id, session.user, session.company) == (session_id, only, "Hof Mustermann")
        assert (session.last_seen_at, session.expires_at) == (NOW, NOW + timedelta(days=7))
        assert session.pending == ("change_password", "accept_privacy_notice")
        assert await work.sessions.find(b"\0" * 32, notice_version="1") is None


async def test_acceptance_counts_for_its_version(transactions: Transactions) -> None:
    """Accepting twice is fine; another version is not accepted by it."""
    async with transactions.service() as work:
        only = user()
        await add(work, only)
        await open_session(work, only)
        await work.acceptances.add(only, "1", NOW)
        await work.acceptances.add(only, "1", NOW + timedelta(days=1))
        assert (await found(work)).notice_accepted
        later = await work.sessions.find(TOKEN, notice_version="2")
        assert later
        assert not later.notice_accepted


async def test_a_session_remembers_its_last_use(transactions: Transactions) -> None:
    """Being seen moves the idle time, nothing else."""
    async with transactions.service() as work:
        only = user()
        await add(work, only)
        session_id = await open_session(work, only)
        before = await found(work)
        await work.sessions.seen(session_id, NOW + timedelta(hours=1))
        assert await found(work) == replace(before, last_seen_at=NOW + timedelta(hours=1))


async def test_sessions_end_one_by_one_or_all_but_one(transactions: Transactions) -> None:
    """Ending the others keeps the one; ending all of nobody ends none."""
    tokens = [hashlib.sha256(bytes([number])).digest() for number in range(3)]
    async with transactions.service() as work:
        only = user()
        await add(work, only)
        ids = [await open_session(work, only, token) for token in tokens]
        await work.sessions.end(ids[0])
        await work.sessions.end_of([])
        await work.sessions.end_of([only.user_id], but=ids[1])
        left = [await work.sessions.find(token, notice_version="1") for token in tokens]
        assert [one.session_id if one else None for one in left] == [None, ids[1], None]
        await work.sessions.end_of([only.user_id])
        assert await work.sessions.find(tokens[1], notice_version="1") is None


async def test_sessions_that_are_over_are_forgotten(transactions: Transactions) -> None:
    """Idle for eight hours is over, a minute less is not."""
    async with transactions.service() as work:
        only = user()
        await add(work, only)
        await open_session(work, only)
        assert await work.sessions.forget_ended(NOW + timedelta(hours=7, minutes=59)) == 0
        assert await work.sessions.forget_ended(NOW + timedelta(hours=8)) == 1


async def test_failures_count_within_a_window(transactions: Transactions) -> None:
    """They are counted from the first one; after the window counting begins anew."""
    attempt, other = Attempt(TOKEN, "192.0.2.0/24"), Attempt(TOKEN, "198.51.100.0/24")
    async with transactions.service() as work:
        await work.failures.add(attempt, NOW)
        await work.failures.add(attempt, NOW + timedelta(minutes=1))
        assert await work.failures.of(attempt) == Failures(2, NOW)
        assert await work.failures.of(other) is None
        await work.failures.add(attempt, NOW + FAILURE_WINDOW)
        assert await work.failures.of(attempt) == Failures(1, NOW + FAILURE_WINDOW)
        await work.failures.clear(attempt)
        assert await work.failures.of(attempt) is None


async def test_old_failures_are_forgotten(transactions: Transactions) -> None:
    """A window that is over leaves nothing behind."""
    async with transactions.service() as work:
        await work.failures.add(Attempt(TOKEN, "unknown"), NOW)
        assert await work.failures.forget_old(NOW + FAILURE_WINDOW - timedelta(seconds=1)) == 0
        assert await work.failures.forget_old(NOW + FAILURE_WINDOW) == 1


async def test_an_exception_undoes_the_transaction(transactions: Transactions) -> None:
    """What a block did before it failed has not happened."""

    async def fail() -> None:
        async with transactions.service() as work:
            await work.customers.add([HOF])
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    async with transactions.service() as work:
        assert await work.customers.lock(["4711"]) == {}
