"""Handing over many things at once: pipelined, in order where they concern one subject, and told to the end.

One failure stops nothing; a bus or a bucket that answers nobody stops all, because every further try would only wait.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kundenportal_contracts.cli.connection import Connection, console, errors
from kundenportal_contracts.publish import BillingPublisher, PublishFailed, Unavailable

AT_ONCE = 32
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to hand over. Jobs of one subject run one after the other, in their order."""

    line: int
    label: str
    subject: Hashable
    run: Callable[[BillingPublisher], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Failure:
    line: int
    label: str
    column: str | None
    problem: str


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
        outcome.failures.append(Failure(job.line, job.label, None, error.detail))
    except PublishFailed as error:
        outcome.failures.append(Failure(job.line, job.label, error.field, error.problem))
    else:
        outcome.handed_over += 1


def hand_over(connection: Connection, jobs: Sequence[Job], refused: Sequence[Failure], noun: str) -> None:
    """Run the jobs behind a progress bar, tell what failed, and leave with 1 where anything did."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        outcome = asyncio.run(_with_progress(connection, jobs, noun))
    except PublishFailed as error:
        errors.print(f"Nothing was handed over: {error.detail}.")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        errors.print("Interrupted. Run the same command again: what has arrived counts once.")
        raise typer.Exit(INTERRUPTED) from None
    outcome.failures = sorted([*refused, *outcome.failures], key=lambda failure: failure.line)
    _tell(outcome, len(jobs) + len(refused), noun)
    if outcome.failures:
        raise typer.Exit(1)


async def _with_progress(connection: Connection, jobs: Sequence[Job], noun: str) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task(noun, total=len(jobs))
        async with connection.publisher() as publisher:
            return await run_jobs(publisher, jobs, lambda: progress.advance(task))


def _tell(outcome: Outcome, total: int, noun: str) -> None:
    for failure in outcome.failures:
        place = f"line {failure.line}, column {failure.column}" if failure.column else f"line {failure.line}"
        errors.print(f"{place}: {failure.label}: {failure.problem}")
    console.print(f"{outcome.handed_over} of {total} {noun} handed over, {len(outcome.failures)} failed.")
    if outcome.stopped:
        rest = total - outcome.handed_over - len(outcome.failures)
        errors.print(f"Stopped early, {rest} not tried: run the same command again, what has arrived counts once.")
