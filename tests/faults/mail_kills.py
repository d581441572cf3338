"""kill -9 of the notifier in a chosen phase of an SMTP step, and the rows that it leaves behind."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.history import IN_FLIGHT
from tests.faults.mailing import POINTS
from tests.faults.phased_sink import PHASES, PhasedSink
from tests.faults.points import POINT
from tests.faults.process import Process
from tests.faults.stand import Stand

REACHED_SECONDS = 6.0
EVERY_PHASE = (*PHASES, *POINTS)


@dataclass(frozen=True, slots=True)
class Moment:
    """The n-th time that a phase is reached, counted from the start of a process."""

    phase: str
    count: int

    @property
    def environment(self) -> dict[str, str]:
        """For a process that is to die of itself: nobody outside sees these moments."""
        return {POINT: f"{self.phase}:{self.count}"} if self.phase in POINTS else {}


def moments(rounds: int, chance: random.Random) -> Iterator[Moment]:
    """Each phase in turn, then any."""
    for number in range(rounds):
        phase = EVERY_PHASE[number] if number < len(EVERY_PHASE) else chance.choice(EVERY_PHASE)
        # Connections are kept, so a process opens few.
        yield Moment(phase, 1 if phase == "connected" else chance.randrange(1, 4))


async def killed_at(moment: Moment, process: Process, sink: PhasedSink) -> str:
    """See the process die at this moment or, where nothing is sent for long, wherever it is then; says where it was."""
    before, phase = process.deaths, moment.phase
    if phase in PHASES:
        sink.arm(phase, moment.count, process.kill)
    try:
        await _died(process, before)
    except TimeoutError:
        phase = "anywhere"
        process.kill()
        await _died(process, before)
    sink.disarm()
    return phase


async def in_flight(s: Stand) -> set[str]:
    """The mails whose dots the notifier that just died was about to write, or had written: they may become `unknown`.

    They are named in the history, for the checker.
    """
    rows = await s.sql("notifier", "SELECT id FROM delivery WHERE state = 'dot_pending'")
    flying = {str(row["id"]) for row in rows}
    s.history.happened(IN_FLIGHT, deliveries=sorted(flying))
    return flying


async def leases_run_out(s: Stand) -> None:
    """30 seconds pass for what nobody holds any more. Only for the moment in which no notifier runs."""
    await s.sql("notifier", "UPDATE delivery SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL")


async def _died(process: Process, deaths_before: int) -> None:
    await process.until(lambda: process.deaths > deaths_before, REACHED_SECONDS)
