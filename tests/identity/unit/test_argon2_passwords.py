"""Argon2 in two threads: what it costs, and that it is bounded."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher, extract_parameters

from identity.adapters.argon2_passwords import Argon2Passwords
from identity.domain import PasswordsBusy

OWN = "Grünkohl mit Pinkel"


@pytest.fixture
async def passwords() -> AsyncIterator[Argon2Passwords]:
    made = Argon2Passwords()
    yield made
    await made.close()


async def test_a_password_fits_its_own_hash(passwords: Argon2Passwords) -> None:
    """And no other, and nothing fits what is no hash."""
    stored = await passwords.hash(OWN)
    assert (await passwords.verify(stored, OWN)).fits
    for wrong in ("", OWN.upper(), OWN + " ", "\0", "x" * 1024):
        assert not (await passwords.verify(stored, wrong)).fits
    assert not (await passwords.verify("no hash", OWN)).fits
    assert not (await passwords.verify(None, "nobody has this password")).fits


async def test_chosen_passwords_cost_what_owasp_asks(passwords: Argon2Passwords) -> None:
    """Argon2id with 19 MiB, two passes, one lane."""
    cost = extract_parameters(await passwords.hash(OWN))
    assert (cost.type.name, cost.memory_cost, cost.time_cost, cost.parallelism) == ("ID", 19 * 1024, 2, 1)


async def test_a_weaker_hash_is_renewed(passwords: Argon2Passwords) -> None:
    """Where the password fits, it comes back hashed anew; where not, nothing does."""
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(OWN)
    renewed = (await passwords.verify(old, OWN)).new_hash
    assert renewed
    assert (await passwords.verify(renewed, OWN)).new_hash is None
    assert (await passwords.verify(old, "wrong")).new_hash is None


async def test_initial_passwords_are_hashed_by_the_batch(passwords: Argon2Passwords) -> None:
    """Two hundred customers cost no more than a few dozen sign-ins, and each hash fits its password alone."""
    plain = [f"k7mq-x4hd-9rtb-{number}" for number in range(200)]
    started = time.process_time()
    hashes = await passwords.hash_initial(plain)
    assert time.process_time() - started < 2
    verified = await passwords.verify(hashes[7], plain[7])
    assert (verified.fits, verified.new_hash) == (True, None)
    assert not (await passwords.verify(hashes[7], plain[8])).fits


async def test_nobodys_password_takes_as_long_as_anybodys(passwords: Argon2Passwords) -> None:
    """Unknown names and unused accounts are not told apart by the time of the answer: it takes the same work."""
    chosen, initial = await passwords.hash(OWN), (await passwords.hash_initial(["k7mq"]))[0]

    async def quickest(stored: str | None) -> float:
        times = []
        for _ in range(7):
            started = time.process_time()
            await passwords.verify(stored, "wrong")
            times.append(time.process_time() - started)
        return min(times)

    known, unused, unknown = await quickest(chosen), await quickest(initial), await quickest(None)
    assert unused > known * 0.6
    assert unknown > known * 0.6


async def test_the_queue_is_bounded() -> None:
    """Who comes when it is full is sent away at once; afterwards there is room again."""
    passwords = Argon2Passwords(threads=1, most_waiting=1)
    answers = await asyncio.gather(*(passwords.verify(None, OWN) for _ in range(5)), return_exceptions=True)
    assert [type(answer).__name__ for answer in answers].count("PasswordsBusy") == 3
    assert not (await passwords.verify(None, OWN)).fits
    await passwords.close()


async def test_a_caller_who_leaves_makes_room() -> None:
    """A cancelled call no longer counts."""
    passwords = Argon2Passwords(threads=1, most_waiting=0)
    leaving = asyncio.create_task(passwords.verify(None, OWN))
    await asyncio.sleep(0)
    with pytest.raises(PasswordsBusy):
        await passwords.verify(None, OWN)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert not (await passwords.verify(None, OWN)).fits
    await passwords.close()
