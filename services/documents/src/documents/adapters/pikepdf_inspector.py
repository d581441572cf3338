"""Opens PDFs (pikepdf) and XML (lxml) in worker processes, so that hostile content hurts nobody but its own worker.

A worker that dies or hangs is replaced; content that two workers in a row could not stand is unreadable. Workers start
when they are needed and leave after some rest. They are started by exec, never by fork alone: that is safe beside threads.
"""

import asyncio
import os
import socket
import sys
from contextlib import suppress
from typing import Final

from chassis.messaging.retry import TryAgain
from documents.adapters import inspection_wire as wire
from documents.domain import PDF, DocumentRefused, Reason

WORKER_MODULE: Final = "documents.adapters.inspection_worker"
MEMORY_BYTES: Final = 512 * 1024 * 1024
CPU_SECONDS: Final = 10.0
WALL_SECONDS: Final = 60.0
START_SECONDS: Final = 30.0
REST_SECONDS: Final = 60.0
TRIES: Final = 2
_SOCKET_BUFFER: Final = 1024 * 1024


class _WorkerLost(Exception):
    """The worker died or did not answer in time."""


class _Worker:
    """One process and the socket to it; one request at a time."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self.rested_at = 0.0

    @classmethod
    async def start(cls, memory_bytes: int, cpu_seconds: float) -> "_Worker":
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
        with theirs:
            limits = (str(os.getpid()), str(memory_bytes), str(cpu_seconds))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", WORKER_MODULE, *limits),
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={"LANG": "C.UTF-8"},
                cwd="/",
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = cls(process, reader, writer)
        try:
            async with asyncio.timeout(START_SECONDS):
                await reader.readexactly(len(wire.READY))
        except BaseException:
            await worker.end()
            raise
        return worker

    async def ask(self, kind: bytes, content: bytes) -> tuple[bytes, str]:
        try:
            async with asyncio.timeout(WALL_SECONDS):
                self._writer.write(wire.REQUEST.pack(kind, len(content)) + content)
                await self._writer.drain()
                verdict, length = wire.REPLY.unpack(await self._reader.readexactly(wire.REPLY.size))
                return verdict, (await self._reader.readexactly(length)).decode()
        except (OSError, EOFError) as error:
            raise _WorkerLost from error

    async def end(self) -> None:
        """Kill it and wait until it is gone; a kill is obeyed at once, even by a stopped process."""
        self._writer.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        with suppress(OSError):
            await self._writer.wait_closed()


class PikepdfInspector:
    """Says whether content is what its media type says, at most `workers` at a time."""

    def __init__(
        self,
        *,
        workers: int,
        memory_bytes: int = MEMORY_BYTES,
        cpu_seconds: float = CPU_SECONDS,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._slots = asyncio.Semaphore(workers)
        self._limits = (memory_bytes, cpu_seconds)
        self._rest_seconds = rest_seconds
        self._resting: list[_Worker] = []
        self._ending: set[asyncio.Future[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None

    async def inspect(self, media_type: str, content: bytes) -> None:
        """Return if the content can be taken; DocumentRefused if not; TryAgain if no worker starts."""
        kind = wire.PDF_KIND if media_type == PDF else wire.XML_KIND
        async with self._slots:
            verdict, detail = await self._ask(kind, content)
        if verdict == wire.ENCRYPTED:
            raise DocumentRefused(Reason.ENCRYPTED_PDF, detail)
        if verdict != wire.TAKEN:
            raise DocumentRefused(Reason.UNREADABLE_CONTENT, detail)

    async def close(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
        while self._resting:
            self._end(self._resting.pop())
        await asyncio.gather(*self._ending)

    async def _ask(self, kind: bytes, content: bytes) -> tuple[bytes, str]:
        """Ask a second worker where one was lost: the first may have died of something else, such as a signal."""
        for _ in range(TRIES):
            worker = await self._worker()
            try:
                answer = await worker.ask(kind, content)
            except _WorkerLost:
                self._end(worker)
            except BaseException:
                self._end(worker)
                raise
            else:
                self._rest(worker)
                return answer
        return wire.UNREADABLE, "an inspection of this content does not end within its limits"

    async def _worker(self) -> _Worker:
        if self._resting:
            return self._resting.pop()
        try:
            return await _Worker.start(*self._limits)
        except (OSError, EOFError) as error:
            raise TryAgain("no inspection worker starts") from error

    def _rest(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        worker.rested_at = loop.time()
        self._resting.append(worker)
        if self._reaper is None:
            self._reaper = loop.call_later(self._rest_seconds, self._reap, loop)

    def _end(self, worker: _Worker) -> None:
        task = asyncio.ensure_future(worker.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _reap(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the workers that nobody needed for a while; look again while any is left."""
        rested = loop.time() - self._rest_seconds
        for worker in [worker for worker in self._resting if worker.rested_at <= rested]:
            self._resting.remove(worker)
            self._end(worker)
        self._reaper = loop.call_later(self._rest_seconds, self._reap, loop) if self._resting else None
