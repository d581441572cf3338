"""Handing over many things at once: pipelined, in order where they concern one subject, and told to the end.

A failure holds up what stands behind it about the same subject, as the order of versions is billing's word, and nothing
else. A bus or a bucket that answers nobody stops all, because every further try would only wait.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kundenportal_contracts.cli.connection import Connection, console, errors
from kundenportal_contracts.cli.rows import Fault
from kundenportal_contracts.publish import BillingPublisher, PublishFailed, Unavailable

AT_ONCE = 32
INTERRUPTED = 130
TOLD = 50
AGAIN = "Run the same command again: it goes on where it stopped, and what has arrived counts once."


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to hand over. Jobs of one subject run one after the other, in their order."""

    line: int
    label: str
    subject: Hashable
    run: Callable[[BillingPublisher], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that was not handed over, with all that is wrong with it. `subject` None: nobody can tell."""

    line: int
    label: str
    faults: tuple[Fault, ...]
    subject: Hashable = None


# In the order of the table: several may stand on one line.
Step = Job | Failure


@dataclass(slots=True)
class Outcome:
    """What became of the jobs. `waiting` stand behind a failure, `stopped` says why the rest was not tried."""

    handed_over: int = 0
    failures: list[Failure] = field(default_factory=list)
    waiting: list[Failure] = field(default_factory=list)
    stopped: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left for another run."""
        return not (self.failures or self.waiting or self.stopped)


async def run_jobs(publisher: BillingPublisher, steps: Sequence[Step], tick: Callable[[], None]) -> Outcome:
    """Run all jobs, up to AT_ONCE subjects at a time; `tick` is called after each.

    Behind what fails, or was refused before, later steps about the same subject wait for another run.
    """
    outcome = Outcome(failures=[step for step in steps if isinstance(step, Failure)])
    subjects: dict[Hashable, list[Step]] = defaultdict(list)
    for step in steps:
        if step.subject is not None:
            subjects[step.subject].append(step)
    queues = iter(subjects.values())
    await asyncio.gather(*(_work(publisher, queues, outcome, tick) for _ in range(min(AT_ONCE, len(subjects)))))
    for told in (outcome.failures, outcome.waiting):
        told.sort(key=lambda one: one.line)
    return outcome


async def _work(
    publisher: BillingPublisher, queues: Iterator[list[Step]], outcome: Outcome, tick: Callable[[], None]
) -> None:
    for steps in queues:
        failed: int | None = None
        for step in steps:
            if outcome.stopped:
                return
            if isinstance(step, Failure):
                failed = step.line if failed is None else failed
                continue
            if failed is not None:
                outcome.waiting.append(Failure(step.line, step.label, (Fault(None, f"waits for line {failed}"),)))
            elif not await _run(publisher, step, outcome):
                failed = step.line
            tick()


async def _run(publisher: BillingPublisher, job: Job, outcome: Outcome) -> bool:
    try:
        await job.run(publisher)
    except Unavailable as error:
        outcome.stopped = error.detail
        outcome.failures.append(Failure(job.line, job.label, (Fault(None, error.detail),)))
    except PublishFailed as error:
        outcome.failures.append(Failure(job.line, job.label, (Fault(error.field, error.problem),)))
    else:
        outcome.handed_over += 1
        return True
    return False


def hand_over(connection: Connection, steps: Sequence[Step], noun: str, *, before: int = 0) -> Outcome:
    """Run the jobs behind a progress bar and tell what failed. `before` of them were handed over by an earlier run.

    Leaves with 1 where the portal cannot be reached, with 130 where it is interrupted; else the caller leaves with 1
    where it is not complete.
    """
    try:
        outcome = asyncio.run(_with_progress(connection, steps, noun, before))
    except PublishFailed as error:
        errors.print(f"Nothing was handed over: {error.detail}.")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        errors.print(f"Interrupted. {AGAIN}")
        raise typer.Exit(INTERRUPTED) from None
    summary(outcome, len(steps) + before, noun, before)
    return outcome


async def _with_progress(connection: Connection, steps: Sequence[Step], noun: str, before: int) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        jobs = sum(isinstance(step, Job) for step in steps)
        task = progress.add_task(noun, total=jobs + before, completed=before)
        async with connection.publisher() as publisher:
            return await run_jobs(publisher, steps, lambda: progress.advance(task))


def summary(outcome: Outcome, total: int, noun: str, before: int) -> None:
    """Tell what failed and what waits for it, and how many of `total` are handed over, `before` by an earlier run."""
    for told in (outcome.failures, outcome.waiting):
        tell([(one.line, one.label, fault) for one in told for fault in one.faults])
    earlier = f" ({before} of them by an earlier run)" if before else ""
    waiting = f", {len(outcome.waiting)} waiting" if outcome.waiting else ""
    handed_over, failed = outcome.handed_over + before, len(outcome.failures)
    console.print(f"{handed_over} of {total} {noun} handed over{earlier}, {failed} failed{waiting}.")
    if outcome.stopped:
        rest = total - handed_over - failed - len(outcome.waiting)
        errors.print(f"Stopped early, {rest} not tried. {AGAIN}")


def tell(faults: Sequence[tuple[int, str, Fault]], heading: str | None = None) -> None:
    """Print what is wrong where, up to TOLD lines of it, under a heading where there is one."""
    if faults and heading:
        errors.print(heading)
    for line, label, fault in faults[:TOLD]:
        place = f"line {line}, column {fault.column}" if fault.column else f"line {line}"
        errors.print(f"{place}: {label}: {fault.problem}")
    if len(faults) > TOLD:
        errors.print(f"and {len(faults) - TOLD} more.")
