"""What a session's token opens, and until when."""

from datetime import timedelta

import pytest

from identity.domain import NoticeOutdated, SessionEnded, SignInRefused, StepsPending
from identity.use_cases.close_customers import CloseCustomers
from identity.use_cases.forget_stale_data import ForgetStaleData
from tests.identity.making import event, said, settle
from tests.identity.people import INITIAL, OWN, Household


async def open_door(home: Household) -> str:
    """A token without pending steps."""
    home.set_own_password()
    home.accept_notice()
    return (await home.sign_in(OWN)).token


async def test_a_principal_is_issued_when_nothing_is_pending(home: Household) -> None:
    """It states user, customer, role and session."""
    token = await open_door(home)
    signed, session = await home.use.issue_principal(token)
    assert "4711" in signed
    assert session.user.user_id == home.user.user_id


async def test_no_principal_while_steps_are_pending(home: Household) -> None:
    """The refusal lists the steps in their order."""
    token = (await home.sign_in(INITIAL)).token
    with pytest.raises(StepsPending) as caught:
        await home.use.issue_principal(token)
    assert caught.value.pending == ("change_password", "accept_privacy_notice")


async def test_a_new_notice_closes_the_door_again(home: Household) -> None:
    """Another version in force has to be accepted before anything else; the old acceptance is kept."""
    token = await open_door(home)
    home.notices.version = "2"
    with pytest.raises(StepsPending) as caught:
        await home.use.issue_principal(token)
    assert caught.value.pending == ("accept_privacy_notice",)
    await home.use.accept_privacy_notice(token, "2")
    assert await home.use.issue_principal(token)
    assert {version for _, version in home.transactions.tables.acceptances} == {"1", "2"}


@pytest.mark.parametrize("version", ["0", "", "2", "1\0", "x" * 1000])
async def test_only_the_version_in_force_can_be_accepted(home: Household, version: str) -> None:
    """Who read another text has not accepted this one."""
    token = (await home.sign_in(INITIAL)).token
    with pytest.raises(NoticeOutdated):
        await home.use.accept_privacy_notice(token, version)


async def test_the_first_acceptance_counts(home: Household) -> None:
    """Accepting again is fine and changes nothing."""
    token = await open_door(home)
    before = dict(home.transactions.tables.acceptances)
    home.clock.advance(timedelta(minutes=5))
    await home.use.accept_privacy_notice(token, "1")
    assert home.transactions.tables.acceptances == before


async def test_signing_out_ends_the_session(home: Household) -> None:
    """The token is refused from then on; other sessions go on."""
    token, other = await open_door(home), await open_door(home)
    await home.use.sign_out(token)
    with pytest.raises(SessionEnded):
        await home.use.issue_principal(token)
    with pytest.raises(SessionEnded):
        await home.use.sign_out(token)
    assert await home.use.issue_principal(other)


async def test_a_session_in_use_stays_open_and_an_idle_one_ends(home: Household) -> None:
    """Every use within eight hours prolongs it, up to seven days."""
    token = await open_door(home)
    for _ in range(23):
        home.clock.advance(timedelta(hours=7))
        await home.use.read_session(token)
    home.clock.advance(timedelta(hours=7))
    with pytest.raises(SessionEnded):
        await home.use.read_session(token)


async def test_the_last_use_is_written_once_a_minute(home: Household) -> None:
    """Reading is cheap: between two minutes nothing is written."""
    token = await open_door(home)
    seen = []
    for _ in range(3):
        home.clock.advance(timedelta(seconds=30))
        await home.use.read_session(token)
        [row] = home.transactions.tables.sessions.values()
        seen.append(row.last_seen_at)
    assert seen[0] < seen[1] == seen[2]


async def test_closing_a_customer_ends_everything(home: Household) -> None:
    """Users are deactivated, sessions end, everybody hears of it once."""
    token = await open_door(home)
    closing = {"customer_number": "4711", "reason": "Hof verkauft"}
    close = CloseCustomers(("billing/*",), home.clock)
    for _ in range(2):
        assert await settle(close, home.transactions, event(closing, ce_type="billing.CustomerClosed.v1")) == []
    [told] = said(home.transactions.tables.outbox, "UserDeactivated")
    assert (told["status"], told["user_version"]) == ("deactivated", 3)
    with pytest.raises(SessionEnded):
        await home.use.read_session(token)
    assert home.transactions.tables.sessions == {}


async def test_closing_an_unknown_customer_says_nothing(home: Household) -> None:
    """There is nobody to deactivate, and nothing wrong with the record."""
    closing = {"customer_number": "9999", "reason": ""}
    close = CloseCustomers(("billing/*",), home.clock)
    assert await settle(close, home.transactions, event(closing, ce_type="billing.CustomerClosed.v1")) == []
    assert home.transactions.tables.outbox == []


async def test_what_is_over_is_forgotten(home: Household) -> None:
    """Ended sessions and old failures leave the tables."""
    await open_door(home)
    with pytest.raises(SignInRefused):
        await home.sign_in("wrong")
    home.clock.advance(timedelta(hours=8))
    await ForgetStaleData(home.transactions, home.clock)()
    assert home.transactions.tables.sessions == {}
    assert home.transactions.tables.failures == {}
