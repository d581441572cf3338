"""The scheduler that the histories rest on: virtual time, chance that repeats, processes that end as real ones do."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from chassis.testing.simulation.explore import by_chance, play
from chassis.testing.simulation.loop import SimulatedLoop, Stuck, simulate
from chassis.testing.simulation.network import Network, Peer
from chassis.testing.simulation.plan import Plan
from chassis.testing.simulation.process import Process
from chassis.testing.simulation.world import World
from tests.simulation.machines import MACHINES

Main = Callable[[], Coroutine[Any, Any, None]]


def in_a_loop(main: Callable[[SimulatedLoop], Coroutine[Any, Any, Any]], seed: int = 1) -> Any:
    async def run() -> Any:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        return await main(loop)

    return simulate(run(), seed=seed)


def test_waiting_costs_nothing() -> None:
    """A day passes at once, and time-outs end when they say."""

    async def main(loop: SimulatedLoop) -> float:
        await asyncio.sleep(86_400)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await loop.create_future()
        return loop.time()

    assert in_a_loop(main) == 86_410


async def told_order(_loop: SimulatedLoop) -> list[int]:
    told: list[int] = []

    async def tell(number: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            told.append(number)

    await asyncio.gather(*(tell(number) for number in range(5)))
    return told


def test_a_seed_is_an_order() -> None:
    """The same seed runs the tasks in the same order, others in others."""
    orders = [in_a_loop(told_order, seed) for seed in range(20)]
    assert orders == [in_a_loop(told_order, seed) for seed in range(20)]
    assert len({tuple(order) for order in orders}) > 15


def test_a_killed_process_cleans_nothing_up() -> None:
    """No finally of it reaches anybody; who is connected to it learns of the end."""
    done: list[str] = []

    async def main(loop: SimulatedLoop) -> None:
        async def work() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(1)
                done.append("cleaned up")

        process = Process(loop, "victim", work)
        process.at_end(lambda: done.append("noticed"))
        await asyncio.sleep(1)
        process.kill()
        assert await process.gone is None
        await asyncio.sleep(100)

    in_a_loop(main)
    assert done == ["noticed"]


def test_a_paused_process_stands_still() -> None:
    """Its timers are late by the pause, nobody else's are."""

    async def main(loop: SimulatedLoop) -> list[float]:
        woken: list[float] = []

        async def work() -> None:
            await asyncio.sleep(2)
            woken.append(loop.time())

        sleeper, other = Process(loop, "sleeper", work), Process(loop, "other", work)
        await asyncio.sleep(1)
        sleeper.pause()
        await other.gone
        await asyncio.sleep(30)
        sleeper.resume()
        await sleeper.gone
        return woken

    assert in_a_loop(main) == [2.0, 32.0]


def test_a_process_that_fails_says_why() -> None:
    """Its own failure is what `gone` gives."""

    async def main(loop: SimulatedLoop) -> BaseException | None:
        async def work() -> None:
            await asyncio.sleep(1)
            raise KeyError("own")

        return await Process(loop, "failing", work).gone

    assert repr(in_a_loop(main)) == "KeyError('own')"


def test_waiting_for_nothing_is_no_end() -> None:
    """Where nobody can run and no timer is set the history is stuck, not endless."""

    async def main(loop: SimulatedLoop) -> None:
        await loop.create_future()

    with pytest.raises(Stuck):
        in_a_loop(main)


class Echo:
    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.heard: list[bytes] = []
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)
        self.peer.send(data)

    def connection_lost(self) -> None:
        self.lost = True


def test_bytes_keep_their_order() -> None:
    """Whatever the latency; and what a process wrote before it died still arrives."""
    servers: list[Echo] = []

    def accept(peer: Peer) -> Echo:
        servers.append(Echo(peer))
        return servers[-1]

    async def main(loop: SimulatedLoop) -> None:
        Network(loop, lambda: loop.random.uniform(0, 1)).listen("mail", 25, accept)

        async def work() -> None:
            reader, writer = await asyncio.open_connection("mail", 25)
            for number in range(50):
                writer.write(b"%d\n" % number)
            assert [await reader.readline() for _ in range(50)] == [b"%d\n" % number for number in range(50)]
            writer.write(b"last")
            await asyncio.sleep(60)

        process = Process(loop, "client", work)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("nobody", 25)
        await asyncio.sleep(40)
        process.kill()
        await asyncio.sleep(40)

    in_a_loop(main)
    assert servers[0].heard[-1] == b"last"
    assert servers[0].lost


@pytest.mark.parametrize("text", ["0", "1234", "0@17", "7@17,z40", "7@", "0@b3", "0@1,z2,b3,a4"])
def test_a_plan_is_its_text(text: str) -> None:
    """What is printed on failure is what repeats it."""
    assert str(Plan.parse(text)) == text


@pytest.mark.parametrize("text", ["", "x", "1@y", "@3", "1@zz", "1@b", "1@3z"])
def test_what_is_no_plan_is_refused(text: str) -> None:
    """Rather than taken for another one."""
    with pytest.raises(ValueError, match="invalid literal"):
        Plan.parse(text)


def test_a_history_repeats() -> None:
    """The same plan tells the same story, step by step; another seed another one."""
    stories = [[history.told() for history in by_chance(MACHINES["mailer"], range(1, 6))] for _ in range(2)]
    assert stories[0] == stories[1]
    assert len(set(stories[0])) == 5


def test_a_failure_names_its_plan() -> None:
    """What went wrong inside a story or behind its back is a finding."""

    async def story(world: World) -> None:
        asyncio.get_running_loop().create_task(_fails())
        await world.until(lambda: False, 3, "there")

    history = play(story, Plan(0))
    assert "not there within 3 s" in history.findings


async def _fails() -> None:
    raise KeyError
