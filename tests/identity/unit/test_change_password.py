"""A password of one's own: when it is taken, and what it changes."""

from datetime import timedelta
from typing import Any

import pytest

from identity.domain import AccountError, PasswordRefused, SessionEnded, SignInRefused, TooManyFailures
from tests.identity.making import said
from tests.identity.people import INITIAL, OWN, Household

NEW = "Birnen, Bohnen und Speck"


async def change(home: Household, token: str | None, new: str = NEW, current: str | None = None) -> None:
    await home.use.change_password(token, new_password=new, current_password=current, client="192.0.2.1")


async def fault(home: Household, token: str | None, new: str = NEW, current: str | None = None) -> str:
    with pytest.raises(PasswordRefused) as caught:
        await change(home, token, new, current)
    return caught.value.code


def changed(home: Household) -> list[dict[str, Any]]:
    return said(home.transactions.tables.outbox, "UserChanged")


async def test_the_first_own_password_makes_the_user_active(home: Household) -> None:
    """No current password is asked for; the initial one is dead, and everybody hears of the active user."""
    token = (await home.sign_in(INITIAL)).token
    await change(home, token)
    [told] = changed(home)
    assert (told["status"], told["user_version"]) == ("active", 2)
    with pytest.raises(SignInRefused):
        await home.sign_in(INITIAL)
    assert (await home.sign_in(NEW)).session.pending == ("accept_privacy_notice",)


async def test_every_other_session_ends(home: Household) -> None:
    """The one that changed the password goes on."""
    mine, other = (await home.sign_in(INITIAL)).token, (await home.sign_in(INITIAL)).token
    await change(home, mine)
    assert (await home.use.read_session(mine)).pending == ("accept_privacy_notice",)
    with pytest.raises(SessionEnded):
        await home.use.read_session(other)


async def test_the_current_password_is_asked_for_later(home: Household) -> None:
    """Once the password is one's own, it takes the current one to change it; nobody else has to hear of it."""
    home.set_own_password()
    token = (await home.sign_in(OWN)).token
    assert await fault(home, token) == "current_password_missing"
    assert await fault(home, token, current="") == "current_password_missing"
    assert await fault(home, token, current="wrong") == "current_password_wrong"
    await change(home, token, current=OWN)
    assert await home.sign_in(NEW)
    assert changed(home) == []


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("kurz", "password_too_short"),
        ("x" * 129, "password_too_long"),
        ("mit\0Nullzeichen", "password_has_control_characters"),
        ("qwertzuiop", "password_too_common"),
        (INITIAL, "password_is_initial"),
        (INITIAL.upper(), "password_is_initial"),
    ],
)
async def test_a_bad_password_is_refused(home: Household, new: str, code: str) -> None:
    """The initial password is still good for another try."""
    token = (await home.sign_in(INITIAL)).token
    assert await fault(home, token, new) == code
    assert await home.sign_in(INITIAL)


async def test_the_same_password_again_is_refused(home: Household) -> None:
    """A change has to change something, however the umlaut is composed."""
    home.set_own_password()
    token = (await home.sign_in(OWN)).token
    assert await fault(home, token, "Gru\u0308nkohl mit Pinkel", OWN) == "password_unchanged"


async def test_guessing_the_current_password_is_throttled(home: Household) -> None:
    """A stolen session is no oracle for the password: failures count as at the login."""
    home.set_own_password()
    token = (await home.sign_in(OWN)).token
    for _ in range(10):
        assert await fault(home, token, current="wrong") == "current_password_wrong"
    with pytest.raises(TooManyFailures):
        await change(home, token, current=OWN)


@pytest.mark.parametrize("token", [None, "", "nonsense", "x" * 5000, "ü\0"])
async def test_without_a_session_nothing_changes(home: Household, token: str | None) -> None:
    """A token that opens nothing changes nothing."""
    with pytest.raises(SessionEnded):
        await change(home, token)


async def test_a_session_ends_with_its_initial_password(home: Household) -> None:
    """A session of the fourteenth day does not outlive it."""
    home.clock.advance(timedelta(days=14, seconds=-60))
    token = (await home.sign_in(INITIAL)).token
    home.clock.advance(timedelta(seconds=60))
    with pytest.raises(SessionEnded):
        await change(home, token)


async def test_of_two_changes_at_once_one_wins(home: Household) -> None:
    """Whoever comes second finds the session ended, not the other's password overwritten."""
    home.set_own_password()
    token = (await home.sign_in(OWN)).token
    session = await home.use.read_session(token)
    login = home.transactions.tables.login(home.user.user_id)
    await home.use.change_password._store(session, login, "hashed:first")
    with pytest.raises(AccountError):
        await home.use.change_password._store(session, login, "hashed:second")
    assert home.transactions.tables.credentials[home.user.user_id].password_hash == "hashed:first"
