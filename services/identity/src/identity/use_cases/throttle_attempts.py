"""Slow down whoever tries passwords: by name and network together, so that the owner elsewhere still gets in.

Names that nobody has are counted alike, so the count tells nothing.
"""

import hashlib

from chassis.clock import Clock
from identity.domain import network_of, read_username
from identity.ports import Attempt, Transactions, Work


def attempt_of(username: str, client: str | None) -> Attempt:
    name = read_username(username) or username
    return Attempt(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest(), network_of(client))


async def refuse_too_many(work: Work, attempt: Attempt, clock: Clock) -> bool:
    """Raise TooManyFailures where the limit is reached; say whether there is anything to clear after a success."""
    failures = await work.failures.of(attempt)
    if failures and (refusal := failures.refusal(clock.now())):
        raise refusal
    return failures is not None


async def count_failure(transactions: Transactions, attempt: Attempt, clock: Clock) -> None:
    """Count in a transaction of its own, whatever becomes of the call."""
    async with transactions.service() as work:
        await work.failures.add(attempt, clock.now())
