"""One batch from its records to their effects: prepared outside of it, applied in one transaction.

Whatever `settle` raises may be tried again with the same batch: it remembers what was prepared, what has taken effect
and which dead letters are due. An effect may be attempted twice (a commit whose answer was lost), so handlers ask the
inbox or compare versions.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from chassis.clock import Clock
from chassis.logs import get_logger
from chassis.messaging.batch import Batch, Entry, runs
from chassis.messaging.bisect import bisect
from chassis.messaging.retry import TryAgain, classify, sqlstate
from chassis.messaging.subscriptions import DeadLetter
from chassis.telemetry import following
from kundenportal_contracts.envelope import EventInvalid

PREPARE_SECONDS = 45 * 60.0
FRESH_SECONDS = 50 * 60.0
APPLY_SECONDS = 5 * 60.0

HANDLER_FAILED = "handler_failed"
DATA_REFUSED = "data_refused"

log = get_logger()


class LetterBox(Protocol):
    async def write(self, letters: Sequence[DeadLetter]) -> None:
        """Return when the broker has them all; raise when that is not certain."""


class Settler:
    """Takes batches through their handlers. `permits` bounds the transactions that are open at the same time."""

    def __init__(
        self,
        *,
        begin: Callable[[], AbstractAsyncContextManager[Any]],
        letter_box: LetterBox,
        clock: Clock,
        permits: asyncio.Semaphore,
    ) -> None:
        self._begin = begin
        self._letter_box = letter_box
        self._clock = clock
        self._permits = permits

    async def settle(self, batch: Batch) -> None:
        """Return when the batch may be acknowledged: every record took effect, was skipped, or is a written dead letter."""
        await self._prepare(batch)

        async def attempt(entries: Sequence[Entry]) -> None:
            await self._apply(entries, batch)

        await bisect(batch.open_entries(), attempt, lambda entry, error: _bury(entry, error, batch))
        if batch.letters and not batch.letters_written:
            await self._letter_box.write(sorted(batch.letters, key=lambda letter: letter.record.offset))
            batch.letters_written = True

    async def _prepare(self, batch: Batch) -> None:
        for run in runs(batch.open_entries()):
            oldest = self._oldest()
            if not (waiting := [entry for entry in run if not entry.is_fresh(oldest)]):
                continue
            try:
                await self._ask(waiting, batch)
            except Exception as error:
                if classify(error) == "retry":
                    raise
                await self._prepare_one_by_one(waiting, batch, error)

    async def _prepare_one_by_one(self, entries: Sequence[Entry], batch: Batch, error: Exception) -> None:
        if len(entries) == 1:
            _bury(entries[0], error, batch)
            return
        for entry in entries:
            try:
                await self._ask([entry], batch)
            except Exception as own:
                if classify(own) == "retry":
                    raise
                _bury(entry, own, batch)

    async def _ask(self, entries: Sequence[Entry], batch: Batch) -> None:
        began = self._clock.monotonic()
        handler: Any = entries[0].handler
        async with asyncio.timeout(PREPARE_SECONDS), _no_answer_by_cancellation():
            verdicts = await handler.prepare([entry.subject for entry in entries])
        if len(verdicts) != len(entries):
            raise RuntimeError(f"{type(handler).__name__} gave {len(verdicts)} verdicts for {len(entries)} records")
        for entry, verdict in zip(entries, verdicts, strict=True):
            if letter := entry.take(verdict, began):
                batch.letters.append(letter)

    def _oldest(self) -> float:
        """When what may still be applied has to have been prepared."""
        return self._clock.monotonic() - FRESH_SECONDS

    async def _apply(self, entries: Sequence[Entry], batch: Batch) -> None:
        """One transaction for these entries; they are settled by its commit and by nothing before it."""
        letters: list[DeadLetter] = []
        async with self._permits:
            oldest = self._oldest()
            if not all(entry.is_fresh(oldest) for entry in entries):
                raise TryAgain("prepared too long ago")
            async with asyncio.timeout(APPLY_SECONDS), _no_answer_by_cancellation(), AsyncExitStack() as transaction:
                work = await self._enter(transaction)
                for run in runs(entries):
                    handler: Any = run[0].handler
                    letters += await handler.apply([entry.verdict for entry in run], work)
        for entry in entries:
            entry.settled = True
        batch.letters += letters

    async def _enter(self, transaction: AsyncExitStack) -> Any:
        """Begin; a failure here is no record's fault, whatever it is."""
        try:
            return await transaction.enter_async_context(self._begin())
        except Exception as error:
            raise TryAgain("the transaction cannot begin") from error


@asynccontextmanager
async def _no_answer_by_cancellation() -> AsyncIterator[None]:
    """Turn a cancellation that nobody asked this task for into a failure: it acknowledges nothing and ends nothing."""
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise TryAgain("the handler was cancelled from within") from None


def _bury(entry: Entry, error: Exception, batch: Batch) -> None:
    """Make a record that stands alone with its failure a dead letter."""
    record = entry.subject.record
    reason, detail = _why(error)
    entry.settled = True
    batch.letters.append(DeadLetter(record, reason, detail))
    # The database repeats values in its messages; our own failures need their traceback.
    with following(record.trace_headers):
        log.error(
            "record_failed",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
            detail=detail,
            exc_info=error if reason == HANDLER_FAILED else None,
        )


def _why(error: Exception) -> tuple[str, str]:
    if isinstance(error, EventInvalid):
        return error.reason, error.detail
    state = sqlstate(error)
    return (HANDLER_FAILED, type(error).__name__) if state is None else (DATA_REFUSED, f"SQLSTATE {state}")
