"""Forget what has no effect any more: sessions that are over, counts of failures that are old."""

from dataclasses import dataclass

from chassis.clock import Clock
from chassis.logs import get_logger
from identity.ports import Transactions

log = get_logger()


@dataclass(frozen=True, slots=True)
class ForgetStaleData:
    transactions: Transactions
    clock: Clock

    async def __call__(self) -> None:
        async with self.transactions.service() as work:
            sessions = await work.sessions.forget_ended(self.clock.now())
            failures = await work.failures.forget_old(self.clock.now())
        log.info("stale_data_forgotten", sessions=sessions, failures=failures)
