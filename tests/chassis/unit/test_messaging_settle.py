import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from chassis.messaging.batch import Batch, sort_out
from chassis.messaging.retry import TryAgain
from chassis.messaging.settle import Settler
from chassis.messaging.subscriptions import DeadLetter, Event, Record, Subscription
from chassis.testing.frozen_clock import FrozenClock
from tests.chassis.items import (
    ITEMS,
    Complaints,
    ItemLost,
    ItemNamed,
    Letters,
    Puts,
    Shelf,
    headers,
    record,
    subscribed,
)


@dataclass
class Bench:
    shelf: Shelf = field(default_factory=Shelf)
    letters: Letters = field(default_factory=Letters)
    clock: FrozenClock = field(default_factory=FrozenClock)

    async def settle(self, batch: Batch) -> None:
        permits = asyncio.Semaphore(1)
        await Settler(begin=self.shelf.begin, letter_box=self.letters, clock=self.clock, permits=permits).settle(batch)

    @property
    def reasons(self) -> dict[int, str]:
        return {letter.record.offset: letter.reason for letter in self.letters.written}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def named(*items: str) -> list[Record]:
    return [record(item, offset) for offset, item in enumerate(items)]


async def test_all_runs_share_one_transaction(bench: Bench) -> None:
    """Handlers that alternate write in the order of the records and commit once."""
    puts, loses = Puts(), Puts()
    subscription = Subscription(ITEMS, {ItemNamed.ce_type: puts, ItemLost.ce_type: loses})
    kinds = [ItemNamed, ItemLost, ItemLost, ItemNamed]
    await bench.settle(
        sort_out([record(str(place), place, kind=kind) for place, kind in enumerate(kinds)], subscription)
    )
    assert bench.shelf.attempts == [["0", "1", "2", "3"]]
    assert (puts.prepared, loses.prepared) == ([["0"], ["3"]], [["1", "2"]])


async def test_a_batch_of_skipped_records_opens_no_transaction(bench: Bench) -> None:
    """Nothing to do needs no connection."""
    await bench.settle(sort_out([record("a", kind=ItemLost)], subscribed(Puts())))
    assert bench.shelf.attempts == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("own"), "handler_failed"),
        (DBAPIError("INSERT", None, asyncpg.UniqueViolationError("Key (email)=(x) already exists")), "data_refused"),
    ],
    ids=["own", "database"],
)
async def test_poison_is_the_only_record_that_becomes_a_dead_letter(
    bench: Bench, error: Exception, reason: str
) -> None:
    """The others of its batch take effect once, in order, without being prepared again."""
    puts = Puts(fails={"c": lambda: error})
    await bench.settle(sort_out(named("a", "b", "c", "d", "e"), subscribed(puts)))
    assert bench.shelf.items == ["a", "b", "d", "e"]
    assert bench.reasons == {2: reason}
    assert puts.prepared == [["a", "b", "c", "d", "e"]]


async def test_poison_in_prepare_is_found_one_by_one(bench: Bench) -> None:
    """Where preparing a run fails by our fault, each record is prepared alone and the guilty one is a dead letter."""
    puts = Puts(fails_to_prepare={"b": ZeroDivisionError})
    await bench.settle(sort_out(named("a", "b", "c"), subscribed(puts)))
    assert bench.shelf.items == ["a", "c"]
    assert bench.reasons == {1: "handler_failed"}


async def test_an_event_that_cannot_be_decoded_says_why(bench: Bench) -> None:
    """EventInvalid out of a handler keeps its own reason."""
    bad = [Record(ITEMS.name, 0, 0, b"k", value, headers()) for value in (b"{", b"{}", None)]
    for offset, each in enumerate(bad):
        await bench.settle(
            sort_out([Record(ITEMS.name, 0, offset, b"k", each.value, each.headers)], subscribed(Puts()))
        )
    assert bench.reasons == {0: "malformed_event", 1: "invalid_field", 2: "malformed_event"}


async def test_letters_of_every_kind_are_written_in_the_order_of_the_records(bench: Bench) -> None:
    """Malformed, refused and failed records meet in one write, after the commit."""
    puts = Puts(fails={"b": KeyError}, refuses={"c"})
    records = [*named("a", "b", "c"), Record(ITEMS.name, 0, 3, None, b"?", ())]
    await bench.settle(sort_out(records, subscribed(puts)))
    assert bench.reasons == {1: "handler_failed", 2: "refused", 3: "malformed_event"}
    assert list(bench.reasons) == [1, 2, 3]


async def test_a_jammed_letter_box_settles_nothing_and_repeats_no_effect(bench: Bench) -> None:
    """The batch is not done until its letters are written; what took effect is not applied again."""
    bench.letters.jammed = [TimeoutError()]
    batch = sort_out(named("a", "b"), subscribed(Puts(refuses={"b"})))
    with pytest.raises(TimeoutError):
        await bench.settle(batch)
    await bench.settle(batch)
    assert bench.shelf.items == ["a"]
    assert bench.reasons == {1: "refused"}


async def test_what_was_prepared_is_kept_across_attempts(bench: Bench) -> None:
    """Trouble at the commit repeats apply alone, for the whole batch, in order."""
    bench.shelf.fail_at_commit = [TryAgain(), ConnectionResetError()]
    puts = Puts()
    batch = sort_out(named("a", "b"), subscribed(puts))
    for _ in range(2):
        with pytest.raises((TryAgain, ConnectionResetError)):
            await bench.settle(batch)
    await bench.settle(batch)
    assert puts.prepared == [["a", "b"]]
    assert bench.shelf.attempts == [["a", "b"]] * 3
    assert bench.shelf.items == ["a", "b"]


@pytest.mark.parametrize(("minutes", "times"), [(49, 1), (51, 2)])
async def test_what_was_prepared_long_ago_is_prepared_anew(bench: Bench, minutes: int, times: int) -> None:
    """Fifty minutes by the monotonic clock are the limit; the wall clock plays no part."""
    bench.shelf.fail_at_commit = [TryAgain()]
    puts = Puts()
    batch = sort_out(named("a"), subscribed(puts))
    with pytest.raises(TryAgain):
        await bench.settle(batch)
    bench.clock.advance(timedelta(minutes=minutes))
    bench.clock.jump(timedelta(hours=5))
    await bench.settle(batch)
    assert len(puts.prepared) == times


async def test_a_transaction_that_cannot_begin_is_no_records_fault(bench: Bench) -> None:
    """Even a fault of our own before the first handler buries nothing."""
    bench.shelf.fail_at_begin = [KeyError("wiring")]
    batch = sort_out(named("a"), subscribed(Puts()))
    with pytest.raises(TryAgain):
        await bench.settle(batch)
    await bench.settle(batch)
    assert (bench.shelf.items, bench.reasons) == (["a"], {})


async def test_passing_trouble_in_prepare_buries_nothing(bench: Bench) -> None:
    """TryAgain from a store leaves the batch as it was."""
    trouble = {"b": lambda: TryAgain("S3")}
    puts = Puts(fails_to_prepare=trouble)
    batch = sort_out(named("a", "b"), subscribed(puts))
    with pytest.raises(TryAgain):
        await bench.settle(batch)
    trouble.clear()
    await bench.settle(batch)
    assert (bench.shelf.items, bench.reasons) == (["a", "b"], {})


class CancelsItself(Puts):
    async def apply(self, _prepared: Sequence[Event], _work: list[str], /) -> Sequence[DeadLetter]:
        raise asyncio.CancelledError


async def test_a_cancelled_handler_is_never_an_acknowledgement(bench: Bench) -> None:
    """A CancelledError from within the handler is trouble that passes: nothing is settled, nothing buried."""
    batch = sort_out(named("a"), subscribed(CancelsItself()))
    with pytest.raises(TryAgain):
        await bench.settle(batch)
    assert (len(batch.open_entries()), bench.shelf.items, bench.reasons) == (1, [], {})


class Miscounts(Puts):
    async def prepare(self, _events: Sequence[Event], /) -> Sequence[Event | DeadLetter]:
        return []


async def test_a_handler_that_gives_too_few_verdicts_loses_no_record(bench: Bench) -> None:
    """A miscounting handler is a fault of our own: its records become dead letters."""
    await bench.settle(sort_out(named("a", "b"), subscribed(Miscounts())))
    assert bench.reasons == {0: "handler_failed", 1: "handler_failed"}


async def test_malformed_records_take_part_in_the_transaction(bench: Bench) -> None:
    """A handler for malformed records writes beside the others, in order."""
    records = [record("a"), Record(ITEMS.name, 0, 1, None, b"", ()), record("b", 2)]
    await bench.settle(sort_out(records, subscribed(Puts(), Complaints())))
    assert bench.shelf.attempts == [["a", "malformed: header ce_id is missing", "b"]]
