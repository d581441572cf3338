"""Argon2id in two threads with a bounded queue: expensive to attackers, bounded for us.

Passwords that people choose cost 19 MiB and two passes (the OWASP minimum). Initial passwords hold 79 random bits, which no
amount of guessing finds, so one cheap pass hashes a batch of customers quickly; comparing one still takes the full time, as
everything else would tell that an account has not been used yet.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from identity.domain import PasswordsBusy
from identity.ports import Verified

T = TypeVar("T")

THREADS = 2
# About 0.4 s of waiting at 80 a second.
MOST_WAITING = 32


class Argon2Passwords:
    def __init__(self, *, threads: int = THREADS, most_waiting: int = MOST_WAITING) -> None:
        self._chosen = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._initial = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1, type=Type.ID)
        self._nobodys = self._chosen.hash("nobody has this password")
        self._initial_prefix = self._initial.hash("").rsplit("$", 2)[0] + "$"
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._most = threads + most_waiting
        self._asked = 0

    async def verify(self, stored: str | None, password: str) -> Verified:
        return await self._run(lambda: self._verify(stored, password))

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._chosen.hash(password))

    async def hash_initial(self, passwords: Sequence[str]) -> Sequence[str]:
        """Hash all of them in one thread, and leave the other to whoever signs in meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: [self._initial.hash(one) for one in passwords])

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, job: Callable[[], T]) -> T:
        if self._asked >= self._most:
            raise PasswordsBusy
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, job)
        finally:
            self._asked -= 1

    def _verify(self, stored: str | None, password: str) -> Verified:
        if stored is None:
            self._fits(self._chosen, self._nobodys, password)
            return Verified(fits=False)
        if stored.startswith(self._initial_prefix):
            self._fits(self._chosen, self._nobodys, password)
            return Verified(self._fits(self._initial, stored, password))
        if not self._fits(self._chosen, stored, password):
            return Verified(fits=False)
        outdated = self._chosen.check_needs_rehash(stored)
        return Verified(fits=True, new_hash=self._chosen.hash(password) if outdated else None)

    @staticmethod
    def _fits(hasher: PasswordHasher, stored: str, password: str) -> bool:
        try:
            return hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
