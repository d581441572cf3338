"""What histories have found and was mended, each as the situation that showed it."""

import asyncio
from datetime import timedelta

from chassis.testing.simulation.explore import play
from chassis.testing.simulation.plan import Plan
from chassis.testing.simulation.world import World
from tests.simulation.mailer import MailerMachine


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
