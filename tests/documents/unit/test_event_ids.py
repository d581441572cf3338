"""Each event takes effect once; an id with another value is refused."""

import json
from typing import Any

import pytest

from tests.documents.making import event, issued, pdf, referenced
from tests.documents.unit.conftest import Intake


async def test_the_same_event_a_thousand_times_is_one_document(intake: Intake) -> None:
    """A storm of one event, over several batches, publishes once and puts once."""
    data = issued()
    storm = [event(data, event_id="e-1") for _ in range(1000)]
    await intake.take(*storm[:500])
    await intake.take(*storm[500:])
    assert len(intake.said("DocumentPublished")) == 1
    assert len(intake.content.kept) == 1
    assert intake.inspector.inspected == 1


async def test_the_same_document_under_new_ids_is_one_document(intake: Intake) -> None:
    """The same bytes under other event ids are no new version."""
    await intake.take(*(event(issued()) for _ in range(50)))
    await intake.take(event(issued()))
    assert len(intake.said("DocumentPublished")) == 1
    assert len(intake.document().versions) == 1


async def test_an_id_with_another_value_is_refused(intake: Intake) -> None:
    """A known id with another value is event_id_reused, in a later batch as in the same one."""
    first, second, third = (event(issued(issued_on=f"2026-11-0{day}"), event_id="e-1") for day in (1, 2, 3))
    await intake.take(first, second)
    await intake.take(third)
    assert intake.reasons == ["event_id_reused", "event_id_reused"]
    assert intake.document().versions.popitem()[1].facts.issued_on.day == 1


async def test_an_id_of_another_source_is_another_id(intake: Intake) -> None:
    """Two billing systems may use the same ids."""
    await intake.take(
        event(issued(), event_id="e-1"), event(issued(document_number="R2"), event_id="e-1", source="billing/b")
    )
    assert intake.reasons == []
    assert len(intake.said("DocumentPublished")) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"media_type": "text/html"}, "event_id_reused"),
        ({"issued_on": "never"}, "event_id_reused"),
        ({"size": 26_000_000}, "event_id_reused"),
        ({"sha256": "0" * 64}, "event_id_reused"),
        ({"content": {"object": {"key": "billing/sap-1/nothing"}}}, "event_id_reused"),
        ({"content": {"object": {"key": "billing/sap-2/x"}}}, "foreign_source"),
    ],
)
async def test_a_reused_id_is_told_before_what_is_wrong_inside(
    intake: Intake, fault: dict[str, Any], reason: str
) -> None:
    """event_id_reused stands before the reasons that concern fields and content, and after foreign_source."""
    await intake.take(event(issued(), event_id="e-1"))
    await intake.take(event(issued(**fault), event_id="e-1"))
    await intake.take(event(issued(document_number="R2"), event_id="e-2"), event(issued(**fault), event_id="e-2"))
    assert intake.reasons == [reason, reason]


async def test_rejected_records_leave_no_trace_in_their_batch(intake: Intake) -> None:
    """Of one id refused, refused with another value, and good with a third, each is judged for itself."""
    await intake.take(
        event(issued(sha256="0" * 64), event_id="e-1"),
        event(issued(sha256="0" * 64), event_id="e-1"),
        event(issued(size=1), event_id="e-1"),
        event(issued(), event_id="e-1"),
    )
    assert intake.reasons == ["hash_mismatch", "hash_mismatch", "hash_mismatch"]
    assert len(intake.said("DocumentPublished")) == 1


async def test_a_replay_rejects_nothing_that_took_effect(intake: Intake) -> None:
    """Read again from the beginning, an event whose object is gone since is a repeat and no missing content."""
    intake.content.intake["billing/sap-1/x.pdf"] = pdf()
    taken = event(referenced("billing/sap-1/x.pdf", pdf()), event_id="e-1")
    await intake.take(taken)
    intake.content.intake.clear()
    await intake.take(taken)
    assert intake.reasons == []
    assert len(intake.said("DocumentPublished")) == 1


async def test_a_replay_costs_no_look_at_the_content(intake: Intake) -> None:
    """Beside events that are new, those that took effect are neither inspected nor put again."""
    old = [event(issued(document_number=f"R{number}")) for number in range(3)]
    new = event(issued(document_number="R9"))
    await intake.take(*old)
    await intake.take(old[0], new, *old[1:])
    assert intake.inspector.inspected == len(intake.content.kept) == len(intake.said("DocumentPublished")) == 4


async def test_an_inbox_that_forgets_meanwhile_changes_nothing(intake: Intake) -> None:
    """Pruned between the look and the transaction: it took effect all the same, so there is nothing to do."""
    again = event(issued(), event_id="e-1")
    await intake.take(again)
    handler = intake.handler(again.type)
    prepared = await handler.prepare([again])
    intake.transactions.inbox.clear()
    async with intake.transactions.begin() as work:
        await handler.apply(prepared, work)
    assert len(intake.said("DocumentPublished")) == 1


async def test_values_are_compared_byte_for_byte(intake: Intake) -> None:
    """The same data in another spelling under the same id is another value."""
    data = issued()
    await intake.take(event(json.dumps(data).encode(), event_id="e-1"))
    await intake.take(event(json.dumps(data, indent=1).encode(), event_id="e-1"))
    assert intake.reasons == ["event_id_reused"]
