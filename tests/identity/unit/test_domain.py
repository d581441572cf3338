"""The rules of accounts."""

import re
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from identity.domain import (
    Failures,
    Login,
    Session,
    make_initial_password,
    make_username,
    network_of,
    password_fault,
    read_initial_password,
    read_password,
    read_username,
    session_end,
)
from tests.identity.making import NOW, user

INITIAL_END = NOW + timedelta(days=14)


@pytest.mark.parametrize("typed", [None, "", "ab", ".abc", "a b c", "a\0bc", "ümlaut", "a" * 33, "a/b/c", "abc\n\n!"])
def test_a_refused_username_is_nobodys(typed: str | None) -> None:
    """What breaks the rules for usernames is read as nobody's."""
    assert read_username(typed) is None


@pytest.mark.parametrize("typed", ["S8U8I1", " s8u8i1 ", "s8u8i1\n"])
def test_usernames_are_compared_without_case(typed: str) -> None:
    """Capitals and blanks around a name make no difference."""
    assert read_username(typed) == "s8u8i1"


def test_a_made_username_has_the_known_shape() -> None:
    """Letters and digits take turns, as in s8u8i1, and the name is a username."""
    for _ in range(50):
        name = make_username()
        assert re.fullmatch(r"([a-z][0-9]){3}", name)
        assert read_username(name) == name


def test_initial_passwords_are_random_and_can_be_typed() -> None:
    """Four groups of four characters, none of which looks like another."""
    made = {make_initial_password() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"([a-hj-km-np-z2-9]{4}-){3}[a-hj-km-np-z2-9]{4}", one) for one in made)


def test_an_initial_password_survives_mail_and_telephone() -> None:
    """Blanks around it and capitals do not matter."""
    assert read_initial_password(" K7MQ-x4hd-9rtb-w2np\t") == "k7mq-x4hd-9rtb-w2np"


def test_a_password_is_the_same_from_every_keyboard() -> None:
    """A composed ü equals one of u and dots; blanks and case stay as typed."""
    assert read_password("Gru\u0308nkohl ") == "Grünkohl "
    assert read_password("①") != "1"


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", "password_too_short"),
        ("neunzeich", "password_too_short"),
        ("x" * 129, "password_too_long"),
        ("mit\0Nullzeichen", "password_has_control_characters"),
        ("zwei\nZeilen lang", "password_has_control_characters"),
        ("Max.Mustermann", "password_is_username"),
        ("Passwort123", "password_too_common"),
        ("aaaaaaaaaaaa", "password_too_common"),
        ("abababababab", "password_too_common"),
        ("12345678901234", "password_too_common"),
        ("98765432109876", "password_too_common"),
        ("Grünkohl mit Pinkel", None),
        ("🐄🐖🐑🐔🐎🐄🐖🐑🐔🐎", None),
        ("zehn zeich", None),
        ("x1" + "y" * 126, None),
    ],
)
def test_passwords_are_refused_for_a_reason(password: str, fault: str | None) -> None:
    """Ten to 128 characters of any kind are fine, but not the name and not what everybody takes."""
    assert password_fault(password, user(username="max.mustermann")) == fault


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("nonsense", "unknown"),
        ("192.0.2.77, 198.51.100.1", "unknown"),
    ],
)
def test_a_client_belongs_to_a_network(client: str | None, network: str) -> None:
    """Who can change the last part of an address stays in the same network."""
    assert network_of(client) == network


def test_ten_failures_are_enough_for_a_quarter_of_an_hour() -> None:
    """The tenth failure closes the door until the window is over."""
    assert Failures(9, NOW).refusal(NOW) is None
    refusal = Failures(10, NOW).refusal(NOW + timedelta(minutes=5))
    assert refusal
    assert refusal.retry_after == timedelta(minutes=10)
    assert Failures(10, NOW).refusal(NOW + timedelta(minutes=15)) is None


def test_an_initial_password_opens_until_it_expires() -> None:
    """After fourteen days it opens nothing; one's own password always does."""
    initial = Login(user(), "hash", 1, initial=True, expires_at=INITIAL_END)
    assert initial.opens(INITIAL_END - timedelta(seconds=1))
    assert not initial.opens(INITIAL_END)
    assert replace(initial, initial=False, expires_at=None).opens(INITIAL_END)


def test_a_deactivated_user_is_out() -> None:
    """Neither a right password nor an open session helps."""
    gone = user(status="deactivated")
    assert not Login(gone, "hash", 1, initial=False, expires_at=None).opens(NOW)
    assert not replace(session(), user=gone).is_open(NOW)


def test_a_session_ends_with_the_initial_password() -> None:
    """It lives seven days, or less where the initial password that opened it expires before."""
    initial = Login(user(), "hash", 1, initial=True, expires_at=INITIAL_END)
    assert session_end(initial, NOW) == NOW + timedelta(days=7)
    assert session_end(initial, INITIAL_END - timedelta(hours=1)) == INITIAL_END


def session() -> Session:
    return Session(
        session_id=uuid4(),
        user=user(),
        company="Hof Mustermann",
        last_seen_at=NOW,
        expires_at=NOW + timedelta(days=7),
        must_change_password=False,
        notice_accepted=True,
    )


def test_a_session_is_open_while_it_is_used() -> None:
    """Eight idle hours close it, and so do seven days."""
    assert session().is_open(NOW + timedelta(hours=7, minutes=59))
    assert not session().is_open(NOW + timedelta(hours=8))
    assert not replace(session(), last_seen_at=NOW + timedelta(days=7)).is_open(NOW + timedelta(days=7))


def test_a_clock_set_back_closes_no_session() -> None:
    """A last use in the future is as good as one just now."""
    assert session().is_open(NOW - timedelta(hours=1))


def test_steps_are_pending_in_their_order() -> None:
    """First the password, then the privacy notice."""
    todo = replace(session(), must_change_password=True, notice_accepted=False)
    assert todo.pending == ("change_password", "accept_privacy_notice")
    assert replace(todo, must_change_password=False).pending == ("accept_privacy_notice",)
    assert session().pending == ()
