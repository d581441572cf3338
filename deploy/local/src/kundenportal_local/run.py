"""`kundenportal run`: starts everything in an order that wastes no time, keeps it running, and ends it in order."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from kundenportal_contracts.topic_admin import TopicsUnavailable, apply_topics
from kundenportal_local.databases import ensure_database
from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.jars import are_fetched
from kundenportal_local.kafka_training import train
from kundenportal_local.layout import Layout
from kundenportal_local.lock import exclusive
from kundenportal_local.ports import Reservation, usual_ports
from kundenportal_local.secrets import keep
from kundenportal_local.services import SERVICES, WITH_DATABASE
from kundenportal_local.signals import until_signal
from kundenportal_local.stack import Stack
from kundenportal_local.supervisor import Supervisor
from kundenportal_local.welcome import welcome

PART_SECONDS = 120.0
STOP_ORDER = ((SERVICES, 15.0), (("smtp", "s3", "kafka", "postgres"), 9.0))


def run(layout: Layout, *, samples: bool, environ: Mapping[str, str] = os.environ) -> None:
    """Run a stack until SIGINT or SIGTERM; LocalTroubleError when it cannot start."""
    started_at = time.monotonic()
    layout.prepare()
    with exclusive(layout.lock):
        layout.stack_file.unlink(missing_ok=True)
        secrets = keep(layout.secrets, data_exists=any(layout.data.iterdir()))
        with Reservation() as reservation:
            stack = Stack(layout, secrets, usual_ports(reservation), environ)
            try:
                asyncio.run(Run(stack, samples=samples, started_at=started_at).until_stopped())
            finally:
                layout.stack_file.unlink(missing_ok=True)


class Run:
    """One run of a stack."""

    def __init__(self, stack: Stack, *, samples: bool, started_at: float) -> None:
        self._stack = stack
        self._samples = samples
        self._started_at = started_at
        self._is_up = False
        self._supervisor = Supervisor(stack.layout.logs, changed=self._tell, say=_say)

    async def until_stopped(self) -> None:
        """Start, stay, end. A signal ends it at any point, also in the middle of the start."""
        try:
            await until_signal(self._work(), say=_say)
        finally:
            await self._supervisor.stop(STOP_ORDER)

    async def _work(self) -> None:
        await self._start()
        self._is_up = True
        self._tell()
        _say(welcome(self._stack, time.monotonic() - self._started_at))
        if self._samples:
            await self._hand_over_samples()
        await train(self._stack.kafka, self._stack.base, self._stack.layout)
        await asyncio.Event().wait()

    async def _start(self) -> None:
        stack, supervisor = self._stack, self._supervisor
        supervisor.watch_logs()
        async with _together() as parts:
            parts.create_task(self._start_kafka())
            parts.create_task(self._start_databases())
            parts.create_task(supervisor.start(stack.s3.program(stack.base), PART_SECONDS))
            parts.create_task(supervisor.start(stack.mail.program(stack.base), PART_SECONDS))
        async with _together() as parts:
            for name in SERVICES:
                parts.create_task(supervisor.start(stack.service(name), PART_SECONDS))

    async def _start_kafka(self) -> None:
        stack = self._stack
        if not are_fetched(stack.jars_folder):
            await self._supervisor.run_once(stack.download(), echo=True)
        await self._supervisor.start(stack.kafka.program(stack.base), PART_SECONDS)
        try:
            await apply_topics(stack.kafka.bootstrap)
        except TopicsUnavailable as error:
            raise LocalTroubleError(f"The topics could not be made: {error}.") from error

    async def _start_databases(self) -> None:
        stack = self._stack
        await self._supervisor.start(stack.postgres.program(stack.base), PART_SECONDS)
        for service in WITH_DATABASE:
            password = stack.secrets.database_password(service)
            await ensure_database(stack.postgres.superuser_dsn, name=service, role=service, password=password)
        await self._supervisor.run_once(stack.migrations())

    async def _hand_over_samples(self) -> None:
        if not self._stack.mails_arrive_here:
            _say("No sample data: their mails would go to another mail server.")
            return
        try:
            folders = str(self._stack.layout.stack_file), str(self._stack.layout.samples)
            await self._supervisor.run_once(self._stack.module("samples", *folders), echo=True)
        except LocalTroubleError:
            _say("The sample data could not be handed over (see above); the portal runs all the same.")

    def _tell(self) -> None:
        if self._is_up:
            self._stack.write_stack_file(self._supervisor.pids())


@asynccontextmanager
async def _together() -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks side by side; the first that fails ends the others, and its error is the one that is told."""
    try:
        async with asyncio.TaskGroup() as parts:
            yield parts
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _say(text: str) -> None:
    """Print, also where nobody reads any more: a closed terminal ends no portal in disorder."""
    try:
        print(text, flush=True)
    except OSError:
        return
