"""kill -9 of a sender in each phase of its SMTP step: nothing goes out twice, what is missing is `unknown`."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest

from chassis.clock import SystemClock
from chassis.database import Database
from notifier.wiring import service_work
from tests.notifier.samples import delivery
from tests.notifier.service import rows
from tests.notifier.smtp_server import MisbehavingServer, misbehaving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[3]
MAILS, CONNECTIONS = 24, 4
OLDER = "UPDATE delivery SET lease_until = lease_until - interval '31 seconds', due_at = due_at - interval '1 minute'"
OPEN = "SELECT count(*) AS n FROM delivery WHERE state NOT IN ('sent', 'unknown')"
STATES = "SELECT state, count(*) AS n FROM delivery GROUP BY state"


class Victim:
    """A sender process that dies at a given moment and is started again."""

    def __init__(self, url: str, server: MisbehavingServer) -> None:
        self.url, self.server = url, server
        self.process: Process | None = None
        self.kills = 0

    async def start(self) -> None:
        command = [sys.executable, "-m", "tests.notifier.sender_process", self.url, str(self.server.port)]
        self.process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)

    def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.kills += 1

    async def end(self) -> None:
        assert self.process is not None
        await self.process.wait()
        await rows(self.url, OLDER)

    async def finish(self) -> None:
        """Let a new process bring everything to an end, and stop it."""
        await self.start()
        async with asyncio.timeout(60):
            while (await rows(self.url, OPEN))[0]["n"]:
                await rows(self.url, OLDER.replace("lease_until - interval '31 seconds'", "lease_until"))
                await asyncio.sleep(0.1)
        assert self.process is not None
        self.process.terminate()
        assert await self.process.wait() == 0


async def queue(database: Database) -> None:
    deliveries = [delivery(address=f"u{number}@hof{number % 3}.example") for number in range(MAILS)]
    async with service_work(database, SystemClock())() as work:
        await work.documents.remember([each.document for each in deliveries if each.document])
        await work.deliveries.queue(deliveries)


def once(then: Callable[[], None], *, phase: str, count: int) -> Callable[[str], None]:
    """Do something when this phase is reached for the n-th time."""
    reached = Counter[str]()

    def reach(now: str) -> None:
        reached[now] += 1
        if now == phase and reached[now] == count:
            then()

    return reach


async def check(url: str, server: MisbehavingServer, kills: int) -> None:
    """The history of what the server took against what stands in the rows."""
    received = Counter(str(message_from_bytes(mail.content)["Message-ID"]) for mail in server.seen)
    states = {row["state"]: row["n"] for row in await rows(url, STATES)}
    assert [mail for mail, times in received.items() if times > 1] == []
    assert set(states) <= {"sent", "unknown"}
    assert MAILS - len(received) <= states.get("unknown", 0) <= kills * CONNECTIONS
    sent = {f"<{row['id']}@localhost>" for row in await rows(url, "SELECT id FROM delivery WHERE state = 'sent'")}
    assert sent <= received.keys()


@pytest.mark.parametrize("phase", ["greeting", "mail", "rcpt", "data", "body", "dot"])
async def test_a_kill_before_the_answer(notifier_url: str, database: Database, phase: str) -> None:
    """At the moment in which the server has read so far, and before it says anything to that."""
    await queue(database)
    async with misbehaving() as server:
        victim = Victim(notifier_url, server)
        reach = once(victim.kill, phase=phase, count=2 if phase == "greeting" else 6)
        server.script = lambda now, _: reach(now)
        await victim.start()
        await victim.end()
        await victim.finish()
        assert victim.kills == 1
        await check(notifier_url, server, victim.kills)


async def test_a_kill_after_the_answer_before_the_commit(notifier_url: str, database: Database) -> None:
    """The 250 is out, the row does not say sent yet."""
    await queue(database)
    async with misbehaving() as server:
        victim = Victim(notifier_url, server)
        server.after = once(victim.kill, phase="dot", count=6)
        await victim.start()
        await victim.end()
        await victim.finish()
        await check(notifier_url, server, victim.kills)


async def test_a_sender_that_sleeps_wakes_without_its_mails(notifier_url: str, database: Database) -> None:
    """Stopped in the middle of its bodies, its leases run out, another one sends; awake again it sends nothing twice."""
    await queue(database)
    async with misbehaving() as server:
        sleeper, other = Victim(notifier_url, server), Victim(notifier_url, server)
        asleep = asyncio.Event()

        def stop() -> None:
            if sleeper.process is not None and not asleep.is_set():
                os.kill(sleeper.process.pid, signal.SIGSTOP)
                asleep.set()

        reach = once(stop, phase="body", count=5)
        server.script = lambda now, _: reach(now)
        await sleeper.start()
        await asyncio.wait_for(asleep.wait(), 30)
        await rows(notifier_url, OLDER)
        await other.finish()
        assert sleeper.process is not None
        os.kill(sleeper.process.pid, signal.SIGCONT)
        await asyncio.sleep(1)
        sleeper.process.terminate()
        assert await sleeper.process.wait() == 0
        await check(notifier_url, server, 1)


async def test_kills_at_random(notifier_url: str, database: Database) -> None:
    """Five times, wherever it hits."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 -- to repeat a failure
    chance = random.Random(seed)
    await queue(database)
    async with misbehaving() as server:
        victim = Victim(notifier_url, server)
        for _ in range(5):
            server.script = lambda *_: None
            hit = chance.choice(["mail", "rcpt", "data", "body", "dot"])
            reach = once(victim.kill, phase=hit, count=chance.randrange(1, 5))
            server.script = lambda now, _, reach=reach: reach(now)  # type: ignore[misc]
            await victim.start()
            try:
                async with asyncio.timeout(8):
                    await victim.end()
            except TimeoutError:
                victim.kill()
                await victim.end()
        await victim.finish()
        await check(notifier_url, server, victim.kills)
