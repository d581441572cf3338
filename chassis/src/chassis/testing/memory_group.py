"""A consumer group in memory: who belongs to it, who reads what, and how far all of it is acknowledged.

Follows Kafka's classic protocol: a change of members makes everybody give up everything and join again; who is not
heard of within the session timeout, or does not join again in time, is out, and its commits are refused from then on.
"""

import asyncio
import contextvars
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from chassis.messaging.clients import KafkaError
from chassis.messaging.subscriptions import Partition

Find = Callable[[str], Collection[Partition]]
"""The partitions of a topic."""
SOON = 1e-6


class Assignment(NamedTuple):
    generation: int
    partitions: list[Partition]


class NotAMember(KafkaError):  # type: ignore[misc] # aiokafka has no types
    """The group knows this member no more, or has begun anew without it (CommitFailedError of the real client)."""


@dataclass(eq=False)
class Seat:
    """One member as the group sees it."""

    topics: Collection[str]
    generation: int = 0
    heard_at: float = 0.0
    joining: "asyncio.Future[Assignment] | None" = None
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the member is to join again: it learns so from its next heartbeat, or at once."""


class MemoryGroup:
    """Coordinates the members of one group. `committed` are the acknowledged offsets."""

    def __init__(self, find: Find, *, session_seconds: float, rebalance_seconds: float) -> None:
        self.committed: dict[Partition, int] = {}
        self.generation = 0
        self._find = find
        self._session_seconds = session_seconds
        self._rebalance_seconds = rebalance_seconds
        self._seats: list[Seat] = []
        self._asleep = False
        self._ends: asyncio.TimerHandle | None = None

    @property
    def members(self) -> int:
        return len(self._seats)

    def sleep(self, *, asleep: bool) -> None:
        """While the broker is down nobody's silence counts."""
        self._asleep = asleep
        for seat in self._seats:
            seat.heard_at = _now()

    async def join(self, seat: Seat) -> Assignment:
        """Take part in the next generation; returns when it begins."""
        if seat not in self._seats:
            self._seats.append(seat)
            self._watch(seat)
        seat.heard_at = _now()
        seat.told.clear()
        if seat.joining is None:
            seat.joining = asyncio.get_running_loop().create_future()
        joining = seat.joining
        self._begin()
        self._complete(late=False)
        return await joining

    def heartbeat(self, seat: Seat) -> bool:
        """Say that the member lives; False where it has to give everything up and join again."""
        if seat not in self._seats:
            return False
        seat.heard_at = _now()
        return self._ends is None

    def commit(self, seat: Seat, generation: int, partition: Partition, offset: int) -> None:
        """Acknowledge; a member of the running generation may, also while the next one gathers. Raises NotAMember."""
        if seat not in self._seats or generation != self.generation:
            raise NotAMember("the group has rebalanced")
        self.committed[partition] = offset

    def leave(self, seat: Seat) -> None:
        """Let the others share its partitions at once."""
        if seat in self._seats:
            self._remove(seat)

    def _remove(self, seat: Seat) -> None:
        self._seats.remove(seat)
        seat.told.set()
        if self._seats:
            self._begin()
            self._complete(late=False)

    def _begin(self) -> None:
        if self._ends is None:
            self._ends = later(self._rebalance_seconds, lambda: self._complete(late=True))
            for seat in self._seats:
                if seat.joining is None:
                    seat.told.set()

    def _complete(self, *, late: bool) -> None:
        if self._ends is None:
            return
        joined = [seat for seat in self._seats if seat.joining is not None]
        if self._asleep:
            self._ends.cancel()
            self._ends = later(self._rebalance_seconds, lambda: self._complete(late=True))
            return
        if len(joined) < len(self._seats) and not late:
            return
        self._ends.cancel()
        self._ends = None
        for seat in self._seats:
            if seat not in joined:
                seat.told.set()
        self._seats = joined
        self.generation += 1
        self._assign()

    def _assign(self) -> None:
        shares: dict[Seat, list[Partition]] = {seat: [] for seat in self._seats}
        for topic in sorted({topic for seat in self._seats for topic in seat.topics}):
            readers = [seat for seat in self._seats if topic in seat.topics]
            for place, partition in enumerate(sorted(self._find(topic))):
                shares[readers[place % len(readers)]].append(partition)
        for seat, partitions in shares.items():
            joining, seat.joining = seat.joining, None
            seat.heard_at, seat.generation = _now(), self.generation
            if joining is not None and not joining.done():
                joining.set_result(Assignment(self.generation, partitions))

    def _watch(self, seat: Seat) -> None:
        later(self._session_seconds, lambda: self._look(seat))

    def _look(self, seat: Seat) -> None:
        if seat not in self._seats:
            return
        # Where it is to join the broker holds its answer back.
        waits = self._asleep or (seat.joining is not None and not seat.joining.cancelled())
        left = self._session_seconds if waits else seat.heard_at + self._session_seconds - _now()
        if left > SOON:
            later(left, lambda: self._look(seat))
        else:
            self._remove(seat)


def later(seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
    """Call this from the broker's own side: whatever becomes of the client that is running now."""
    return asyncio.get_running_loop().call_later(seconds, callback, context=contextvars.Context())


def _now() -> float:
    return asyncio.get_running_loop().time()
