"""What a service hears, in its words: topics, events, and the handlers that take them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from chassis.messaging.handlers import Handler, MalformedHandler
from chassis.messaging.records import DeadLetter, Event, Malformed, Partition, Record
from kundenportal_contracts.topics import Topic

__all__ = ["DeadLetter", "Event", "Handler", "Malformed", "MalformedHandler", "Partition", "Record", "Subscription"]

W = TypeVar("W")


@dataclass(frozen=True)
class Subscription(Generic[W]):
    """A topic and who handles its events, by ce_type.

    Without `malformed`, a record without a usable envelope becomes a dead letter and an unknown ce_type is counted and
    skipped; with it, both go there. A null value goes to the handler of its ce_type like any other; on a compacted
    topic it is never a dead letter.
    """

    topic: Topic
    handlers: Mapping[str, Handler[Any, W]] = field(default_factory=dict)
    malformed: MalformedHandler[Any, W] | None = None
