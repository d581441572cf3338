"""Who gets in, who does not, and that nobody learns why not."""

from datetime import timedelta

import pytest

from identity.domain import AccountError, SignInRefused, TooManyFailures
from identity.ports import Verified
from identity.use_cases.sign_in import SignIn
from tests.identity.making import PlainPasswords
from tests.identity.people import INITIAL, OWN, Household


async def refusal(home: Household, password: str, username: str = "s8u8i1") -> type[AccountError]:
    with pytest.raises(AccountError) as caught:
        await home.sign_in(password, username)
    return caught.type


async def test_the_initial_password_opens_pending_steps(home: Household) -> None:
    """With it the person is signed in and has to set a password and accept the notice."""
    signed_in = await home.sign_in(INITIAL)
    assert signed_in.session.user == home.user
    assert signed_in.session.pending == ("change_password", "accept_privacy_notice")


async def test_an_own_password_opens_the_rest(home: Household) -> None:
    """Name without case, password composed either way."""
    home.set_own_password()
    home.accept_notice()
    signed_in = await home.sign_in("Gru\u0308nkohl mit Pinkel", " S8U8I1 ")
    assert signed_in.session.pending == ()
    assert len(signed_in.token) >= 43


async def test_the_token_is_stored_as_its_hash(home: Household) -> None:
    """Whoever reads the table cannot use what it finds; each sign-in has a token of its own."""
    first, second = await home.sign_in(INITIAL), await home.sign_in(INITIAL)
    assert first.token != second.token
    assert len(home.transactions.tables.sessions) == 2
    assert first.token.encode() not in home.transactions.tables.sessions


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("s8u8i1", "wrong password"),
        ("s8u8i1", ""),
        ("s8u8i1", OWN.upper()),
        ("nobody", OWN),
        ("", OWN),
        ("s8u8i1\0", "\0"),
        ("ümläut", OWN),
        ("s8u8i1", "x" * 1024),
    ],
)
async def test_wrong_words_are_refused_after_a_comparison(home: Household, username: str, password: str) -> None:
    """An unknown name costs a comparison, too, or the time would tell."""
    home.set_own_password()
    assert await refusal(home, password, username) is SignInRefused
    assert len(home.passwords.compared) == 1


async def test_a_deactivated_user_is_refused_alike(home: Household) -> None:
    """The right password of a deactivated user gets the same answer after the same comparison."""
    home.set_own_password()
    home.deactivate()
    assert await refusal(home, OWN) is SignInRefused
    assert len(home.passwords.compared) == 1


async def test_an_expired_initial_password_opens_nothing(home: Household) -> None:
    """After fourteen days it is a wrong password."""
    home.clock.advance(timedelta(days=14))
    assert await refusal(home, INITIAL) is SignInRefused


async def test_ten_failures_close_the_door_for_that_network(home: Household) -> None:
    """Then even the right password waits, with the time to wait; no password is compared."""
    home.set_own_password()
    for _ in range(10):
        assert await refusal(home, "wrong") is SignInRefused
    compared = len(home.passwords.compared)
    with pytest.raises(TooManyFailures) as caught:
        await home.sign_in(OWN, client="192.0.2.250")
    assert caught.value.retry_after == timedelta(minutes=15)
    assert len(home.passwords.compared) == compared


async def test_the_owner_elsewhere_still_gets_in(home: Household) -> None:
    """Whoever tries passwords in one network shuts nobody out in another, nor for other names."""
    home.set_own_password()
    for _ in range(11):
        await refusal(home, "wrong")
    assert await home.sign_in(OWN, client="198.51.100.1")
    assert await refusal(home, "wrong", "nobody") is SignInRefused


async def test_unknown_names_are_throttled_alike(home: Household) -> None:
    """A name that nobody has closes after the same number of failures."""
    for _ in range(10):
        assert await refusal(home, "wrong", "NOBODY") is SignInRefused
    assert await refusal(home, "wrong", "nobody") is TooManyFailures


async def test_the_door_opens_after_the_window(home: Household) -> None:
    """A quarter of an hour after the first failure it is forgotten."""
    home.set_own_password()
    for _ in range(10):
        await refusal(home, "wrong")
    home.clock.advance(timedelta(minutes=15))
    assert await home.sign_in(OWN)


async def test_success_clears_the_failures(home: Household) -> None:
    """Who mistypes nine times and then gets it right starts from zero."""
    home.set_own_password()
    for _ in range(9):
        await refusal(home, "wrong")
    await home.sign_in(OWN)
    assert home.transactions.tables.failures == {}


async def test_the_typed_name_is_not_stored(home: Household) -> None:
    """People type passwords into the wrong field; only a hash is counted."""
    await refusal(home, "wrong", "my-secret-password")
    [attempt] = home.transactions.tables.failures
    assert b"my-secret" not in attempt.username_sha256


async def test_an_outdated_hash_is_renewed(home: Household) -> None:
    """At the next sign-in the password is hashed with today's parameters."""
    home.set_own_password(f"outdated:{OWN}")
    await home.sign_in(OWN)
    assert home.transactions.tables.credentials[home.user.user_id].password_hash == f"hashed:{OWN}"


class SomebodyActsMeanwhile(PlainPasswords):
    """Comparing takes time, in which something happens."""

    def __init__(self, home: Household, *, deactivates: bool) -> None:
        super().__init__()
        self.home = home
        self.deactivates = deactivates

    async def verify(self, stored: str | None, password: str) -> Verified:
        if self.deactivates:
            self.home.deactivate()
        else:
            self.home.set_own_password("hashed:another one")
        return await super().verify(stored, password)


@pytest.mark.parametrize("deactivates", [True, False])
async def test_what_changes_during_the_comparison_counts(home: Household, deactivates: bool) -> None:
    """A user deactivated, or a password changed meanwhile, opens no session."""
    meanwhile = SomebodyActsMeanwhile(home, deactivates=deactivates)
    sign_in = SignIn(home.transactions, meanwhile, home.notices, home.clock)
    with pytest.raises(SignInRefused):
        await sign_in(username="s8u8i1", password=INITIAL, client=None)
    assert home.transactions.tables.sessions == {}
