"""F4: members stopped (SIGSTOP) for longer than their sessions and woken again: they neither commit nor send twice."""

import asyncio
import random

import pytest

from tests.faults.mail_kills import in_flight
from tests.faults.rest import HEARD, lag
from tests.faults.scale import LONG, TIMEOUT_SECONDS, scale
from tests.faults.servers import Servers
from tests.faults.sleepers import MEMBER, all_asleep, idle_for_long, is_asleep, refusals, sleepers, watched
from tests.faults.stand import Stand, stand

pytestmark = [pytest.mark.fault, pytest.mark.timeout(TIMEOUT_SECONDS)]
CONSUMING = ["before_commit:1:STOP", "before_offset_commit:1:STOP", "after_poll:1:STOP", "after_commit:1:STOP"]
SENDING = ["before_dot_pending:1:STOP", "before_dot:1:STOP", "after_answer:1:STOP", "before_connect:1:STOP"]
# 30 seconds pass for what a sleeper held: whoever is awake settles its mails at once.
LEASES_RUN_OUT = """
UPDATE delivery SET lease_until = now() - interval '1 s'
WHERE lease_until IS NOT NULL AND updated_at < now() - interval '1 s'
"""
LEASE_SECONDS = 1.2


def chosen(moments: list[str], count: int, seed: int) -> list[str]:
    """All of them in the long form; else so many, picked by the seed."""
    return moments if LONG else random.Random(seed).sample(moments, count)


async def others_went_on(s: Stand, service: str) -> None:
    """Whoever sleeps in a transaction holds its rows for 10 s at most, and the others take what waited for them."""
    unread = await lag(s.bootstrap, s.group(service), HEARD[service])
    print(f"unread when they woke: {unread}")  # noqa: T201 - what was seen
    assert await idle_for_long(s, service) == []


async def test_a_stopped_documents_commits_nothing_twice(fault_servers: Servers) -> None:
    """In its transaction, before its acknowledgement: others took its partitions over, what it does late changes nothing."""
    size, settings = scale("f04"), {"documents": MEMBER}
    async with (
        stand("f04", services=("documents",), servers=fault_servers, environment=settings, start=False) as s,
        watched(s, "documents") as acknowledged,
    ):
        zombies = await sleepers(s, "documents", chosen(CONSUMING, 2, s.seed))
        load = asyncio.create_task(s.load(documents=size.documents, per_second=size.per_second))
        await all_asleep(zombies)
        s.history.happened("asleep", moments=list(zombies))
        await asyncio.sleep(size.seconds)
        assert all(is_asleep(zombie) for zombie in zombies.values())
        while_asleep = await acknowledged.beyond(0)
        await others_went_on(s, "documents")
        for zombie in zombies.values():
            zombie.resume()
        s.history.happened("healed")
        await load
        await s.load(documents=20, per_second=40, prefix="W")
        await s.drained(60)
        (await s.verdict(mails=False)).assert_clean()
        await acknowledged.beyond(while_asleep)
        assert acknowledged.gone_back == []
        assert [zombie.name for zombie in zombies.values() if zombie.deaths] == []
        print(f"acknowledgements refused: {refusals(zombies)}")  # noqa: T201 - what was seen
        assert not LONG or refusals(zombies) > 0


async def test_a_stopped_notifier_sends_nothing_twice(fault_servers: Servers) -> None:
    """With a body out, with the mark set: its leases run out, another one sends; awake again it sends no second mail."""
    size, settings = scale("f04"), {"notifier": MEMBER}
    async with (
        stand("f04-mail", servers=fault_servers, environment=settings, start=False) as s,
        watched(s, "notifier") as acknowledged,
    ):
        await s.services["documents"].start()
        zombies = await sleepers(s, "notifier", chosen(SENDING, 1, s.seed))
        load = asyncio.create_task(s.load(documents=size.documents, per_second=size.per_second))
        await all_asleep(zombies)
        s.history.happened("asleep", moments=list(zombies))
        await in_flight(s)
        if not LONG:
            await asyncio.sleep(LEASE_SECONDS)
            await s.sql("notifier", LEASES_RUN_OUT)
        await asyncio.sleep(size.seconds)
        before = len(await s.smtp.mails())
        await others_went_on(s, "notifier")
        for zombie in zombies.values():
            zombie.resume()
        s.history.happened("healed")
        await load
        await s.drained(60)
        (await s.verdict(mails=True)).assert_clean()
        assert acknowledged.gone_back == []
        print(f"mails {before} while they slept, {len(await s.smtp.mails())} in the end")  # noqa: T201 - what was seen
