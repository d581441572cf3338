"""Handing over many things at once: pipelined, in order where they concern one subject, and told to the end.

One failure stops nothing; a bus or a bucket that answers nobody stops all, because every further try would only wait.
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
    """One thing that was not handed over, with all that is wrong with it."""

    line: int
    label: str
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class Outcome:
    """What became of the jobs. `stopped` says why the rest was not tried."""

    handed_over: int = 0
    failures: list[Failure] = field(default_factory=list)
    stopped: str | None = None


async def run_jobs(publisher: BillingPublisher, jobs: Sequence[Job], tick: Callable[[], None]) -> Outcome:
    """Run all jobs, up to AT_ONCE subjects at a time; `tick` is called after each."""
    outcome = Outcome()
    subjects: dict[Hashable, list[Job]] = defaultdict(list)
    for job in jobs:
        subjects[job.subject].append(job)
    waiting = iter(subjects.values())
    await asyncio.gather(*(_work(publisher, waiting, outcome, tick) for _ in range(min(AT_ONCE, len(subjects)))))
    outcome.failures.sort(key=lambda failure: failure.line)
    return outcome


async def _work(
    publisher: BillingPublisher, waiting: Iterator[list[Job]], outcome: Outcome, tick: Callable[[], None]
) -> None:
    for jobs in waiting:
        for job in jobs:
            if outcome.stopped:
                return
            await _run(publisher, job, outcome)
            tick()


async def _run(publisher: BillingPublisher, job: Job, outcome: Outcome) -> None:
    try:
        await job.run(publisher)
    except Unavailable as error:
        outcome.stopped = error.detail
        outcome.failures.append(Failure(job.line, job.label, (Fault(None, error.detail),)))
    except PublishFailed as error:
        outcome.failures.append(Failure(job.line, job.label, (Fault(error.field, error.problem),)))
    else:
        outcome.handed_over += 1


def hand_over(
    connection: Connection, jobs: Sequence[Job], refused: Sequence[Failure], noun: str, *, before: int = 0
) -> Outcome:
    """Run the jobs behind a progress bar and tell what failed. `before` of them were handed over by an earlier run.

    Leaves with 1 where the portal cannot be reached, with 130 where it is interrupted; else the caller leaves with 1
    where there are failures.
    """
    try:
        outcome = asyncio.run(_with_progress(connection, jobs, noun, before))
    except PublishFailed as error:
        errors.print(f"Nothing was handed over: {error.detail}.")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        errors.print(f"Interrupted. {AGAIN}")
        raise typer.Exit(INTERRUPTED) from None
    outcome.failures = sorted([*refused, *outcome.failures], key=lambda failure: failure.line)
    _tell(outcome, len(jobs) + len(refused) + before, noun, before)
    return outcome


async def _with_progress(connection: Connection, jobs: Sequence[Job], noun: str, before: int) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task(noun, total=len(jobs) + before, completed=before)
        async with connection.publisher() as publisher:
            return await run_jobs(publisher, jobs, lambda: progress.advance(task))


def _tell(outcome: Outcome, total: int, noun: str, before: int) -> None:
    tell([(failure.line, failure.label, fault) for failure in outcome.failures for fault in failure.faults])
    earlier = f" ({before} of them by an earlier run)" if before else ""
    console.print(
        f"{outcome.handed_over + before} of {total} {noun} handed over{earlier}, {len(outcome.failures)} failed."
    )
    if outcome.stopped:
        rest = total - outcome.handed_over - len(outcome.failures) - before
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
