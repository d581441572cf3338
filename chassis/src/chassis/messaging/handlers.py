"""What a service gives the consumer: two steps, one before the transaction and one inside it."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from chassis.messaging.records import DeadLetter, Event, Malformed

P = TypeVar("P")
W_contra = TypeVar("W_contra", contravariant=True)


class Handler(Protocol[P, W_contra]):
    """Takes runs of consecutive events of one type of one partition, in order."""

    async def prepare(self, events: Sequence[Event], /) -> Sequence[P | DeadLetter]:
        """Decode, hash, inspect, put: one verdict per event, in order, holding no database connection meanwhile.

        Verdicts are kept across retries (for at most 50 minutes). May raise TryAgain: the partition pauses and the
        whole batch is repeated. An exception of our own is traced to its event by preparing one by one.
        """

    async def apply(self, prepared: Sequence[P], work: W_contra, /) -> Sequence[DeadLetter]:
        """Write the effects inside the batch's one transaction; never commit.

        Gets what `prepare` did not dead-letter. May be repeated with the same objects, in smaller runs too, after a
        rollback, so it must not change them. Returns the records to dead-letter instead.
        """


class MalformedHandler(Protocol[P, W_contra]):
    """The same two steps for records that are no events."""

    async def prepare(self, records: Sequence[Malformed], /) -> Sequence[P | DeadLetter]: ...

    async def apply(self, prepared: Sequence[P], work: W_contra, /) -> Sequence[DeadLetter]: ...
