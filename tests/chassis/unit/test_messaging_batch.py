from dataclasses import replace

import pytest
from opentelemetry import trace

from chassis.messaging.batch import cut, runs, sort_out
from chassis.messaging.subscriptions import Event, Malformed, Record, Subscription
from tests.chassis.items import (
    ITEMS,
    TRACEPARENT,
    Complaints,
    ItemLost,
    ItemNamed,
    Puts,
    event,
    headers,
    record,
    subscribed,
)

USERS = replace(ITEMS, retention=None)


@pytest.mark.parametrize(
    "broken",
    [(), (("ce_id", b"1"),), headers()[1:], tuple((name, b"\xff") for name, _ in headers())],
    ids=["none", "one", "no version", "not UTF-8"],
)
def test_no_envelope_is_a_dead_letter_where_nobody_takes_such_records(broken: tuple[tuple[str, bytes], ...]) -> None:
    """Headers that are no envelope make a dead letter with the record's own bytes."""
    bad = Record(ITEMS.name, 0, 7, b"k", b"\x00\xff", broken)
    batch = sort_out([bad], subscribed(Puts()))
    assert [(letter.record, letter.reason) for letter in batch.letters] == [(bad, "malformed_event")]
    assert batch.next_offset == 8
    assert batch.entries == []


def test_a_malformed_handler_gets_what_is_no_event() -> None:
    """Records without an envelope and with an unknown type go to the handler for malformed ones, in order."""
    complaints = Complaints()
    none, unknown = Record(ITEMS.name, 0, 0, None, None), record("a", 1, kind=ItemLost)
    batch = sort_out([none, unknown], subscribed(Puts(), complaints))
    assert [entry.subject for entry in batch.entries if isinstance(entry.subject, Malformed)] == [
        Malformed(none, "header ce_id is missing"),
        Malformed(unknown, "header ce_type is unknown here"),
    ]
    assert batch.letters == []


def test_an_unknown_type_is_counted_and_skipped() -> None:
    """Between services a type that nobody here knows is no fault."""
    batch = sort_out([record("a", kind=ItemLost), record("b", 1)], subscribed(Puts()))
    assert batch.skipped == [ItemLost.ce_type]
    assert len(batch.entries) == 1


@pytest.mark.parametrize("sent", [(), headers(ItemLost.ce_type)], ids=["no envelope", "unknown type"])
def test_a_null_value_on_a_compacted_topic_is_never_a_dead_letter(sent: tuple[tuple[str, bytes], ...]) -> None:
    """A tombstone that nobody understands is skipped, also where malformed records are taken."""
    tombstone = Record(ITEMS.name, 0, 0, b"k", None, sent)
    for malformed in (None, Complaints()):
        batch = sort_out([tombstone], Subscription(USERS, {ItemNamed.ce_type: Puts()}, malformed))
        assert (batch.letters, batch.entries, len(batch.skipped)) == ([], [], 1)


def test_a_tombstone_reaches_the_handler_of_its_type() -> None:
    """A null value with an envelope is an event like any other."""
    tombstone = Record(ITEMS.name, 0, 0, b"k", None, headers())
    (entry,) = sort_out([tombstone], subscribed(Puts())).entries
    assert isinstance(entry.subject, Event)
    assert entry.subject.record.value is None


def test_runs_are_consecutive_events_of_one_handler() -> None:
    """A change of the handler begins a new run; a skipped record in between does not."""
    puts, loses = Puts(), Puts()
    subscription = Subscription(ITEMS, {ItemNamed.ce_type: puts, ItemLost.ce_type: loses})
    kinds = [ItemNamed, ItemNamed, ItemLost, ItemNamed]
    records = [record(str(place), place, kind=kind) for place, kind in enumerate(kinds)]
    skipped = Record(ITEMS.name, 0, 9, b"", b"", headers("tests.Unknown.v1"))
    batch = sort_out([records[0], skipped, *records[1:]], subscription)
    assert [len(run) for run in runs(batch.entries)] == [2, 1, 1]


@pytest.mark.parametrize(("limit", "sizes"), [(1000, [5]), (60, [2, 2, 1]), (1, [1, 1, 1, 1, 1])])
def test_a_poll_is_cut_by_bytes(limit: int, sizes: list[int]) -> None:
    """No batch exceeds the limit unless it is one record; nothing is lost or moved."""
    records = [Record(ITEMS.name, 0, offset, None, bytes(30)) for offset in range(5)]
    parts = list(cut(records, limit))
    assert [len(part) for part in parts] == sizes
    assert [each for part in parts for each in part] == records


def test_an_event_tells_null_from_empty() -> None:
    """The hash of a null value differs from that of an empty one."""
    events = [sort_out([Record("t", 0, 0, b"k", value, headers())], subscribed(Puts())) for value in (None, b"")]
    subjects = [batch.entries[0].subject for batch in events]
    assert len({subject.value_sha256 for subject in subjects if isinstance(subject, Event)}) == 2


@pytest.mark.parametrize("header", [TRACEPARENT, None, b"nonsense"])
def test_a_line_about_an_event_bears_the_ids_of_its_trace(header: bytes | None) -> None:
    """What is told in passing has the same trace and span as what is done within the event's trace."""
    told = event("a", trace=header)
    with told.trace():
        within = trace.get_current_span().get_span_context()
    assert told.trace_ids == {
        "trace_id": trace.format_trace_id(within.trace_id),
        "span_id": trace.format_span_id(within.span_id),
    }
