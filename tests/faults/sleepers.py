"""Members that stop themselves (SIGSTOP) at a named moment, and what their group acknowledges meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psutil
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.faults.points import POINT, SESSION
from tests.faults.process import Process
from tests.faults.stand import Stand

ASLEEP_SECONDS = 45.0
JOINED_SECONDS = 40.0
ACKNOWLEDGED_SECONDS = 20.0
LOOK_SECONDS = 0.2
# A member without a name of its own, as in production, and silent for no longer than the broker allows at least.
MEMBER = {"KUNDENPORTAL_GROUP_INSTANCE_ID": "", SESSION: "6000"}


async def sleepers(s: Stand, service: str, moments: Sequence[str]) -> dict[str, Process]:
    """One process for each moment, at which it stops; all belong to one group, and one more that stays awake."""
    first = s.services[service]
    await first.start()
    found = {}
    for moment in moments:
        first.environment[POINT] = moment
        found[moment] = await s.another(service)
        del first.environment[POINT]
    await all_joined(s, service, 1 + len(found))
    return found


async def all_joined(s: Stand, service: str, members: int) -> None:
    """Return when the group has so many members and each knows what is its own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=s.bootstrap)
    await admin.start()
    try:
        async with asyncio.timeout(JOINED_SECONDS):
            while True:
                [answer] = await admin.describe_consumer_groups([s.group(service)])
                [group] = answer.to_object()["groups"]
                if group["state"] == "Stable" and len(group["members"]) == members:
                    return
                await asyncio.sleep(LOOK_SECONDS)
    finally:
        await admin.close()


async def all_asleep(found: dict[str, Process]) -> None:
    async with asyncio.timeout(ASLEEP_SECONDS):
        while not all(is_asleep(process) for process in found.values()):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


def is_asleep(process: Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
    return False


# asyncpg prepares a statement without a Sync: a process stopped just then counts as active and is held by no time limit.
IDLE = """
SELECT pid, now() - state_change AS idle, left(query, 80) AS query FROM pg_stat_activity
WHERE usename = $1 AND state = 'idle in transaction' AND state_change < now() - interval '12 s'
"""


async def idle_for_long(s: Stand, service: str) -> list[str]:
    """The transactions of this service whose owners have said nothing for longer than they may."""
    return [str(dict(row)) for row in await s.sql(service, IDLE, service)]


def refusals(found: dict[str, Process]) -> int:
    """How often the broker took no acknowledgement from them any more."""
    return sum(process.log.read_text().count('"event": "acknowledgement_failed"') for process in found.values())


@dataclass
class Acknowledged:
    """The offsets of one group as they were seen, one look after the other."""

    reached: dict[TopicPartition, int] = field(default_factory=dict)
    gone_back: list[str] = field(default_factory=list)

    def look(self, offsets: dict[TopicPartition, int]) -> None:
        for place, offset in offsets.items():
            before = self.reached.get(place, 0)
            if offset < before:
                self.gone_back.append(f"{place.topic}/{place.partition} from {before} to {offset}")
            self.reached[place] = offset

    async def beyond(self, total: int) -> int:
        """Return the sum of all offsets as soon as it is greater than this one."""
        async with asyncio.timeout(ACKNOWLEDGED_SECONDS):
            while (reached := sum(self.reached.values())) <= total:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(LOOK_SECONDS)
        return reached


@asynccontextmanager
async def watched(s: Stand, service: str) -> AsyncIterator[Acknowledged]:
    """What the group acknowledges, looked at all the time."""
    seen, admin = Acknowledged(), AIOKafkaAdminClient(bootstrap_servers=s.bootstrap)
    await admin.start()

    async def look() -> None:
        while True:
            with suppress(KafkaError):  # the group does not exist yet
                offsets = await admin.list_consumer_group_offsets(s.group(service))
                seen.look({place: told.offset for place, told in offsets.items()})
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        await admin.close()
