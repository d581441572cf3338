"""Named moments of a service, by wrappers round its ports, and what happens to the process at them.

FAULT_POINT="before_commit:7" kills it (-9) when that moment is reached for the seventh time, "before_commit:7:STOP" stops
it there; several with commas. FAULT_SLOW="put:60" sleeps so long each time. FAULT_SESSION_MS shortens the membership of
who falls silent. Nothing in src knows of this.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.messaging.clients import GroupMember, Message
from chassis.messaging.consumer import Connect, Transactions
from chassis.messaging.group_member import SESSION_TIMEOUT_MS
from chassis.messaging.membership import Member
from chassis.messaging.subscriptions import Partition, Record
from chassis.outbox.held import Waiting, hold
from chassis.outbox.relay import Held, Hold, Sends
from chassis.settings import KafkaSettings
from documents.ports import ContentStore

POINT, SLOW, GROUP, SESSION = "FAULT_POINT", "FAULT_SLOW", "FAULT_GROUP", "FAULT_SESSION_MS"


@dataclass(frozen=True, slots=True)
class Blow:
    """What hits the process itself, and when."""

    point: str
    count: int
    number: signal.Signals = signal.SIGKILL


class Points:
    """Counts the moments of one process and does what its environment says."""

    def __init__(
        self, environ: Mapping[str, str] = os.environ, *, strike: Callable[[int, int], None] = os.kill
    ) -> None:
        self._strike = strike
        self._blows = [_blow(text) for text in _parts(environ.get(POINT, ""))]
        self._slow = {name: float(seconds) for name, _, seconds in map(_split, _parts(environ.get(SLOW, "")))}
        self._group = environ.get(GROUP, "")
        self.session_ms = int(environ.get(SESSION, SESSION_TIMEOUT_MS))
        self._reached = Counter[str]()

    async def reach(self, name: str) -> None:
        if name in self._slow:
            await asyncio.sleep(self._slow[name])
        self._reached[name] += 1
        for blow in self._blows:
            if (blow.point, blow.count) == (name, self._reached[name]):
                self._strike(os.getpid(), blow.number)

    def group(self, name: str) -> str:
        """The consumer group, apart from those of other stands at the same broker."""
        return f"{name}{self._group}"


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _split(part: str) -> tuple[str, str, str]:
    return part.partition(":")


def _blow(text: str) -> Blow:
    point, count, *how = text.split(":")
    return Blow(point, int(count), signal.Signals[f"SIG{how[0]}"] if how else signal.SIGKILL)


class PointedStore:
    """`put` before the bytes are stored, `after_put` once they are."""

    def __init__(self, store: ContentStore, points: Points) -> None:
        self._store, self._points = store, points

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        await self._points.reach("put")
        await self._store.put(key, content, media_type)
        await self._points.reach("after_put")


class PointedTransactions:
    """`before_commit` when everything is written, `after_commit` when it stands."""

    def __init__(self, database: Transactions, points: Points) -> None:
        self._database, self._points = database, points

    @asynccontextmanager
    async def service_transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._database.service_transaction() as connection:
            yield connection
            await self._points.reach("before_commit")
        await self._points.reach("after_commit")


class PointedMember:
    """`after_poll` with records in hand, `before_offset_commit` and `after_offset_commit` round the acknowledgement."""

    def __init__(self, member: Member, points: Points) -> None:
        self._member, self._points = member, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._member, name)

    async def poll(self, *place: Any, **bounds: Any) -> list[Record]:
        records = await self._member.poll(*place, **bounds)
        if records:
            await self._points.reach("after_poll")
        return records

    async def commit(self, *place: Any) -> None:
        await self._points.reach("before_offset_commit")
        await self._member.commit(*place)
        await self._points.reach("after_offset_commit")


def pointed_connect(
    points: Points, *, wrap: Callable[[Member], Member] = lambda member: member, connect: Connect | None = None
) -> Connect:
    """For Consumer(connect=…): `wrap` may put a broken member in between."""
    join: Connect = connect or partial(GroupMember, session_timeout_ms=points.session_ms)

    def connecting(
        kafka: KafkaSettings,
        /,
        *,
        group: str,
        topics: Collection[str],
        on_assigned: Callable[[Collection[Partition]], None],
        on_revoked: Callable[[], Awaitable[None]],
    ) -> Member:
        member = join(kafka, group=group, topics=topics, on_assigned=on_assigned, on_revoked=on_revoked)
        return cast("Member", PointedMember(wrap(member), points))

    return connecting


class PointedSends:
    """`before_send`; `after_broker_ack` when the broker has at least one of them and nobody has noted it yet."""

    def __init__(self, sender: Sends, points: Points) -> None:
        self._sender, self._points = sender, points

    async def send(self, messages: Sequence[Message]) -> Any:
        """What the real sender answers, whatever form its answers have."""
        await self._points.reach("before_send")
        answers = await self._sender.send(messages)
        if any(answers):
            await self._points.reach("after_broker_ack")
        return answers

    async def close(self) -> None:
        await self._sender.close()


class PointedOutbox:
    """`after_outbox_read` with rows in hand, `after_forget` when they are deleted."""

    def __init__(self, held: Held, points: Points) -> None:
        self._held, self._points = held, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._held, name)

    async def read(self, *after: Any, **bounds: Any) -> list[Waiting]:
        found = await self._held.read(*after, **bounds)
        if found:
            await self._points.reach("after_outbox_read")
        return found

    async def forget(self, ids: Sequence[int]) -> None:
        await self._held.forget(ids)
        await self._points.reach("after_forget")


def pointed_holder(url: str, points: Points, *, wrap: Callable[[Held], Held] = lambda held: held) -> Hold:
    """For Relay(holder=…): `wrap` may put a broken outbox in between."""

    def holding(on_wake: Callable[[], None]) -> AbstractAsyncContextManager[Held]:
        @asynccontextmanager
        async def held() -> AsyncIterator[Held]:
            async with hold(url, on_wake) as real:
                yield cast("Held", PointedOutbox(wrap(real), points))

        return held()

    return holding
