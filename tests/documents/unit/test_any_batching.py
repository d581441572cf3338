"""However billing's records fall into batches and however often they are delivered, the same is said and kept."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.messaging.subscriptions import Event
from chassis.testing.frozen_clock import FrozenClock
from tests.documents.making import NOW, WITHDRAWN, event, issued, pdf, withdrawn
from tests.documents.unit.conftest import Intake

CONTENTS = {name: pdf(name) for name in "xy"}


@st.composite
def records(draw: st.DrawFn) -> Event:
    """A DocumentIssued or DocumentWithdrawn of one of two documents, now and then broken, under few ids."""
    number, minute = draw(st.sampled_from(["R1", "R2"])), draw(st.integers(0, 4))
    time, event_id = NOW + timedelta(minutes=minute), draw(st.sampled_from([None, None, "e-1", "e-2"]))
    if draw(st.integers(0, 3)) == 0:
        return event(withdrawn(document_number=number), ce_type=WITHDRAWN, time=time, event_id=event_id)
    fault: dict[str, Any] = draw(st.sampled_from([{}, {}, {}, {"size": 1}, {"media_type": "text/html"}]))
    paper = CONTENTS[draw(st.sampled_from("xy"))]
    return event(issued(paper, document_number=number, **fault), time=time, event_id=event_id)


def outcome(batches: list[list[Event]]) -> tuple[list[Any], Any, Any]:
    """What was said, in order and without what is drawn at random; the documents; the reasons."""
    intake = Intake(FrozenClock(NOW))

    async def take_all() -> None:
        for batch in batches:
            await intake.take(*batch)

    asyncio.run(take_all())
    told = [
        {name: value for name, value in one.items() if name not in {"document_id", "object_key"}}
        for name in ("DocumentPublished", "DocumentRemoved", "DocumentRejected")
        for one in intake.said(name)
    ]
    documents = {
        name: (document.withdrawn_at, [(v.number, v.sha256, v.first, v.last_said_at) for v in versions])
        for name, document in intake.transactions.documents.items()
        for versions in [sorted(document.versions.values(), key=lambda version: version.number)]
    }
    return told, documents, sorted(intake.reasons)


@settings(max_examples=30, deadline=None)
@given(st.lists(records(), max_size=8), st.sets(st.integers(1, 7)))
def test_batches_do_not_matter(events: list[Event], cuts: set[int]) -> None:
    """One record a batch, all in one batch, or any cut between: the same is said in the same order."""
    edges = [0, *sorted(cut for cut in cuts if cut < len(events)), len(events)]
    batches = [events[start:end] for start, end in pairwise(edges)]
    assert outcome(batches) == outcome([[one] for one in events]) == outcome([events])


@settings(max_examples=30, deadline=None)
@given(st.lists(records(), max_size=8), st.integers(0, 8))
def test_a_redelivery_changes_nothing(events: list[Event], back: int) -> None:
    """Going back to an earlier offset and reading on says nothing new and keeps nothing twice."""
    assert outcome([events, events[-back:] if back else []]) == outcome([events])
