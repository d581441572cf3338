"""Killing one service again and again under load: at named points of its own, and wherever chance hits it."""

import asyncio
import random
from collections.abc import Sequence

from tests.faults.points import POINT
from tests.faults.stand import Stand

ANYWHERE = "anywhere"
QUICK = {"documents": {"KUNDENPORTAL_INSPECTION_WORKERS": "1"}}
"""A process that lives for a second needs no second worker."""
LATEST_COUNT = 3
REACHED_SECONDS = 90.0
MOST_DOCUMENTS = 100_000


def planned(points: Sequence[str], rounds: int, chance: random.Random) -> list[str]:
    """Which point each kill is for: all of them equally often, in an order of chance."""
    plan = [points[number % len(points)] for number in range(rounds)]
    chance.shuffle(plan)
    return plan


async def kill_at(s: Stand, service: str, plan: Sequence[str], chance: random.Random) -> None:
    """One process of the service after the other, each killed as planned; the last one lives. The load has to go on."""
    process = s.services[service]
    process.supervised = False
    for point in plan:
        if point == ANYWHERE:
            await process.start(ready=False)
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            process.kill()
        else:
            process.once = {POINT: f"{point}:{chance.randint(1, LATEST_COUNT)}"}
            await process.start(ready=False)
        s.history.happened("kill planned", point=point)
        await process.wait(REACHED_SECONDS)
    process.supervised = True
    await process.start()
    s.history.happened("healed")


async def under_load(s: Stand, service: str, plan: Sequence[str], *, per_second: float) -> None:
    """The kills while billing hands over, which ends with the last of them."""
    enough = asyncio.Event()
    load = asyncio.create_task(s.load(documents=MOST_DOCUMENTS, per_second=per_second, until=enough))
    try:
        await kill_at(s, service, plan, random.Random(s.seed))
    finally:
        enough.set()
        await load
