import asyncio
from datetime import timedelta

import httpx2
import pytest

from chassis.testing.frozen_clock import FrozenClock
from gateway.principals import NotSignedIn, Principals, StepsPending
from gateway.upstreams import ServiceUnavailable, Upstream
from tests.gateway.fakes.identity import Account, FakeIdentity, problem

TWO = timedelta(seconds=2)


class Asked:
    def __init__(self, most_entries: int = 100) -> None:
        self.identity, self.clock = FakeIdentity(), FrozenClock()
        client = httpx2.AsyncClient(base_url="http://identity.test", transport=httpx2.ASGITransport(self.identity.app))
        self.principals = Principals(Upstream("identity", client), self.clock, most_entries=most_entries)
        self.account = self.identity.add(Account("max", "x"))
        self.identity.sessions |= {"t": self.account, "other-device": self.account}

    @property
    def questions(self) -> int:
        return self.identity.principal_questions


@pytest.fixture
def asked() -> Asked:
    return Asked()


async def test_a_granted_answer_is_kept_for_two_seconds_and_no_longer(asked: Asked) -> None:
    """The third question goes to identity again."""
    for _ in range(3):
        assert await asked.principals.of("t") == "principal-of-max"
    assert asked.questions == 1
    asked.clock.advance(TWO)
    await asked.principals.of("t")
    assert asked.questions == 2


async def test_the_two_seconds_count_from_the_question(asked: Asked) -> None:
    """An answer that took long is already old when it arrives."""
    asked.identity.hold = asyncio.Event()
    question = asyncio.create_task(asked.principals.of("t"))
    await asyncio.sleep(0.01)
    asked.clock.advance(TWO)
    asked.identity.hold.set()
    await question
    await asked.principals.of("t")
    assert asked.questions == 2


async def test_many_at_once_are_one_question(asked: Asked) -> None:
    """A page's parallel calls ask identity once."""
    answers = await asyncio.gather(*(asked.principals.of("t") for _ in range(20)))
    assert set(answers) == {"principal-of-max"}
    assert asked.questions == 1


async def test_who_leaves_takes_the_answer_from_nobody(asked: Asked) -> None:
    """A cancelled request does not cancel the question that others wait for."""
    asked.identity.hold = asyncio.Event()
    first, second = (asyncio.create_task(asked.principals.of("t")) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    asked.identity.hold.set()
    assert await second == "principal-of-max"


async def test_a_refusal_is_never_kept(asked: Asked) -> None:
    """Whoever signs in or takes the last step is let in at once."""
    for _ in range(2):
        with pytest.raises(NotSignedIn):
            await asked.principals.of("unknown")
    asked.account.pending = ["accept_privacy_notice"]
    for _ in range(2):
        with pytest.raises(StepsPending) as caught:
            await asked.principals.of("t")
    assert caught.value.pending == ("accept_privacy_notice",)
    assert asked.questions == 4


async def test_a_change_forgets_every_session_of_the_user(asked: Asked) -> None:
    """A changed password ends the other devices, and the gateway notices at once."""
    await asked.principals.of("t")
    await asked.principals.of("other-device")
    del asked.identity.sessions["other-device"]
    asked.principals.forget("t")
    with pytest.raises(NotSignedIn):
        await asked.principals.of("other-device")


async def test_an_answer_from_before_a_change_is_not_kept(asked: Asked) -> None:
    """A question under way while something changes is answered, but not remembered."""
    asked.identity.hold = asyncio.Event()
    question = asyncio.create_task(asked.principals.of("t"))
    await asyncio.sleep(0.01)
    asked.principals.forget("t")
    asked.identity.hold.set()
    await question
    await asked.principals.of("t")
    assert asked.questions == 2


async def test_nothing_is_prolonged_while_identity_is_away(asked: Asked) -> None:
    """After two seconds an outage of identity is an outage for the visitor."""
    await asked.principals.of("t")
    asked.identity.answer_with = problem(503, "/problems/busy")
    assert await asked.principals.of("t")
    asked.clock.advance(TWO)
    with pytest.raises(ServiceUnavailable):
        await asked.principals.of("t")


async def test_the_memory_is_bounded() -> None:
    """The oldest answers make room; nobody fills the gateway with sessions."""
    asked = Asked(most_entries=2)
    asked.identity.sessions |= {str(number): asked.account for number in range(3)}
    for token in ("0", "1", "2", "2", "0"):
        await asked.principals.of(token)
    assert asked.questions == 4
