"""What goes wrong in histories that are not calm, each of it for a while or so many times."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from chassis.messaging.partition import COMMIT_SECONDS, POLL_SECONDS
from chassis.messaging.producer import SEND_SECONDS
from chassis.messaging.retry import back_off
from chassis.testing.memory_broker import MemoryBroker
from chassis.testing.memory_store import MemoryStore
from chassis.testing.simulation.world import World

Trouble = Callable[[], Awaitable[None]]
LONGEST_BACK_OFF: float = inspect.signature(back_off).parameters["most"].default


def latency(world: World) -> Callable[[], float]:
    """Most answers come at once, some take a while, few take long."""

    def seconds() -> float:
        drawn = world.chance.random()
        if drawn < 0.75:
            return 0.0
        return drawn / 50 if drawn < 0.99 or world.plan.calm else drawn

    return seconds


def broker_troubles(world: World, broker: MemoryBroker) -> list[Trouble]:
    async def broker_down() -> None:
        broker.down = True
        await asyncio.sleep(world.chance.choice((0.2, 3.0, 15.0, 40.0)))
        broker.down = False

    async def members_fail() -> None:
        broker.fails_members = True
        await asyncio.sleep(world.chance.uniform(0.5, 3.0))
        broker.fails_members = False

    async def commits_refused() -> None:
        broker.refuse_commits += world.chance.randint(1, 3)

    async def commit_answers_lost() -> None:
        broker.lose_commit_answers += world.chance.randint(1, 2)

    async def acknowledgements_lost() -> None:
        broker.lose_acknowledgements += world.chance.randint(1, 3)

    async def messages_late() -> None:
        """Later than any sender waits for them."""
        broker.delay_messages = world.chance.choice((2.0, 12.0, 25.0))
        await asyncio.sleep(world.chance.uniform(0.5, 5.0))
        broker.delay_messages = 0.0

    async def messages_refused() -> None:
        broker.refuse_messages += 1

    return [
        broker_down,
        members_fail,
        commits_refused,
        commit_answers_lost,
        acknowledgements_lost,
        messages_late,
        messages_refused,
    ]


def store_troubles(world: World, store: MemoryStore) -> list[Trouble]:
    store.fate = world.fate_of_commit

    async def database_away() -> None:
        store.away = True
        store.end_sessions()
        await asyncio.sleep(world.chance.choice((0.2, 2.0, 20.0)))
        store.away = False

    async def sessions_ended() -> None:
        store.end_sessions()

    async def commits_lost_before() -> None:
        store.lose_before_commit += world.chance.randint(1, 2)

    async def commits_lost_after() -> None:
        store.lose_after_commit += world.chance.randint(1, 2)

    return [database_away, sessions_ended, commits_lost_before, commits_lost_after]


def owed_seconds(broker: MemoryBroker, store: MemoryStore, pause: float = LONGEST_BACK_OFF) -> float:
    """For how long what is still set to go wrong can hold things up, each of it alone and one after the other.

    A lost acknowledgement costs a whole send, a lost answer to a commit its time limit and the poll before the next one;
    whatever fails is tried again after `pause` at most.
    """
    failures = broker.refuse_messages + store.lose_before_commit + store.lose_after_commit
    return (
        broker.lose_acknowledgements * (SEND_SECONDS + pause)
        + broker.lose_commit_answers * (COMMIT_SECONDS + POLL_SECONDS)
        + broker.refuse_commits * POLL_SECONDS
        + failures * pause
    )
