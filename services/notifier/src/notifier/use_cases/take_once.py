"""Lets each event take effect once; the same id with another value is somebody's mistake and becomes a dead letter."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from chassis.messaging.subscriptions import DeadLetter, Event
from notifier.ports import Work


class Prepared(Protocol):
    @property
    def event(self) -> Event: ...


P = TypeVar("P", bound=Prepared)


async def take_once(prepared: Sequence[P], work: Work) -> tuple[list[P], list[DeadLetter]]:
    """Return what takes effect with this transaction, and what is refused."""
    answers = await work.inbox.seen([each.event for each in prepared])
    new = [each for each, answer in zip(prepared, answers, strict=True) if answer == "new"]
    await work.inbox.take([each.event for each in new])
    reused = [each for each, answer in zip(prepared, answers, strict=True) if answer == "reused"]
    return new, [
        DeadLetter(each.event.record, "event_id_reused", "the same id came with another value") for each in reused
    ]


def headers_of(trace: str | None) -> tuple[tuple[str, bytes], ...]:
    """What was kept, as the headers it came from."""
    return (("traceparent", trace.encode()),) if trace else ()


def trace_of(event: Event) -> str | None:
    """The record's traceparent, to be kept beside what it causes."""
    value = dict(event.trace_headers).get("traceparent")
    return value.decode("ascii", "replace")[:100] if value else None
