"""What histories have found and was mended, each as the situation that showed it."""

import asyncio
from datetime import timedelta

from chassis.outbox.parking import UNANSWERED_SECONDS
from chassis.testing.simulation.explore import play
from chassis.testing.simulation.plan import Plan
from chassis.testing.simulation.world import World
from notifier.domain import LEASE, State
from notifier.use_cases.due_window import SWEEP_MOST_SECONDS
from tests.simulation.mailer import RECOVER_EVERY, MailerMachine
from tests.simulation.relay import RelayMachine
from tests.simulation.trouble import owed_seconds


def test_a_clock_set_back_holds_up_no_mail() -> None:
    """Mails that wait for another try when all clocks are set back by an hour go out as soon as they would have."""

    async def story(world: World) -> None:
        machine = MailerMachine(world)
        machine.server.away = True
        machine.queue(3)
        world.keep("sender", machine.service)
        await asyncio.sleep(3)
        world.clock.jump(timedelta(hours=-1))
        machine.server.away = False
        await world.until(machine.drained, 120, "drained")
        await world.stop()
        machine.check()

    assert play(story, Plan(0)).findings == ()


def test_a_sender_that_slept_holds_up_no_mail() -> None:
    """It slept within a claim of everything, and the clock was set back: what it had in hand goes out soon all the same."""
    bound = SWEEP_MOST_SECONDS + (LEASE + RECOVER_EVERY).total_seconds() + 10

    async def story(world: World) -> None:
        machine = MailerMachine(world)
        machine.queue(3)
        machine.store.latency = lambda: 1.0
        world.keep("sender", machine.service)
        await world.until(lambda: any(row.state is State.SENDING for row in machine.rows.values()), 20, "claimed")
        world.processes["sender"].pause()
        machine.store.latency = lambda: 0.0
        await asyncio.sleep(45)
        world.clock.jump(timedelta(hours=-1))
        world.processes["sender"].resume()
        await world.until(machine.drained, bound, "drained")
        await world.stop()
        machine.check()

    assert play(story, Plan(0)).findings == ()


def test_lost_acknowledgements_are_outlived_one_by_one() -> None:
    """The relay sends for as long as nobody answers, ten seconds each time, and then no more."""

    async def story(world: World) -> None:
        machine = RelayMachine(world)
        machine.broker.lose_acknowledgements = 12
        machine.write(6)
        world.keep("relay", machine.service)
        owed = owed_seconds(machine.broker, machine.store, UNANSWERED_SECONDS[1])
        assert owed == 156
        await world.until(machine.drained, owed, "drained")
        assert len(machine.on_bus()) >= 12
        await world.stop()
        machine.check()

    assert [each for each in play(story, Plan(0)).findings if "although nothing went wrong" not in each] == []
