"""Hostile PDFs and XML hurt nobody but the worker that opens them."""

import asyncio
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from documents.adapters.pikepdf_inspector import PikepdfInspector
from documents.domain import DocumentRefused, Reason
from tests.documents.making import pdf
from tests.documents.ports_contract import InspectorContract, owner_password_pdf

pytestmark = pytest.mark.integration

PARENT = """
import asyncio, time
from documents.adapters.pikepdf_inspector import PikepdfInspector

async def main():
    inspector = PikepdfInspector(workers=1)
    await inspector.inspect("application/xml", b"<a/>")
    print("inspected", flush=True)
    time.sleep(60)

asyncio.run(main())
"""


def workers(of: int | None = None) -> list[psutil.Process]:
    return [child for child in psutil.Process(of).children() if "inspection_worker" in " ".join(child.cmdline())]


def xref_bomb(inflated: int) -> bytes:
    """A PDF whose cross-reference stream inflates to this many bytes."""
    squeezer, mebibyte = zlib.compressobj(), 1024 * 1024
    first = squeezer.compress(bytes(mebibyte)) + squeezer.flush(zlib.Z_FULL_FLUSH)
    again = squeezer.compress(bytes(mebibyte)) + squeezer.flush(zlib.Z_FULL_FLUSH)
    packed = first + again * (inflated // mebibyte) + squeezer.flush()
    head = b"%PDF-1.5\n1 0 obj\n<</Type/XRef/Size 3/W[1 2 1]/Root 2 0 R/Filter/FlateDecode/Length "
    return head + b"%d>>stream\n" % len(packed) + packed + b"\nendstream\nendobj\nstartxref\n9\n%%EOF"


async def is_gone(worker: psutil.Process) -> bool:
    for _ in range(100):
        if not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.05)
    return False


@asynccontextmanager
async def inspecting(**limits: float) -> AsyncIterator[PikepdfInspector]:
    inspector = PikepdfInspector(workers=1, **limits)  # type: ignore[arg-type]  # whole numbers where they are wanted
    try:
        yield inspector
    finally:
        await inspector.close()


@pytest.fixture
async def inspector() -> AsyncIterator[PikepdfInspector]:
    async with inspecting() as inspector:
        yield inspector


class TestPikepdfInspector(InspectorContract):
    """The contract of the port, and what only real parsers can show."""

    async def test_a_restricted_pdf_is_taken(self, inspector: PikepdfInspector) -> None:
        """A PDF that only its owner may print opens without a password and is taken."""
        await inspector.inspect("application/pdf", owner_password_pdf())

    async def test_a_damaged_pdf_is_taken(self, inspector: PikepdfInspector) -> None:
        """A PDF that lost its cross-reference table is repaired in opening and taken."""
        await inspector.inspect("application/pdf", pdf()[: pdf().rindex(b"startxref")])

    async def test_large_content_is_taken(self, inspector: PikepdfInspector) -> None:
        """24 MB go through."""
        await inspector.inspect("application/xml", b"<a>" + b"<b>x</b>" * 3_000_000 + b"</a>")

    async def test_a_lost_worker_costs_no_document(self, inspector: PikepdfInspector) -> None:
        """A worker that died at rest is replaced, and the document is taken."""
        await inspector.inspect("application/pdf", pdf())
        [worker] = workers()
        worker.kill()
        assert await is_gone(worker)
        await inspector.inspect("application/pdf", pdf())

    async def test_a_stopped_worker_is_gone_when_the_service_closes(self, inspector: PikepdfInspector) -> None:
        """Closing leaves no process behind, not even a stopped one."""
        await inspector.inspect("application/pdf", pdf())
        [worker] = workers()
        worker.suspend()
        await inspector.close()
        assert await is_gone(worker)

    async def test_a_worker_has_no_secrets(self, inspector: PikepdfInspector) -> None:
        """The environment of a worker holds none of the service's variables."""
        await inspector.inspect("application/pdf", pdf())
        [worker] = workers()
        assert set(worker.environ()) <= {"LANG", "LC_CTYPE"}

    async def test_many_wait_for_few_workers(self, inspector: PikepdfInspector) -> None:
        """However many documents come at once, no more workers run than allowed."""
        await asyncio.gather(*(inspector.inspect("application/pdf", pdf()) for _ in range(20)))
        assert len(workers()) == 1


async def test_endless_work_is_unreadable_and_the_next_is_taken() -> None:
    """Content that needs more processor time than allowed is refused, and a new worker takes the next one."""
    async with inspecting(cpu_seconds=0.05) as inspector:
        with pytest.raises(DocumentRefused) as refused:
            await inspector.inspect("application/xml", b"<a>" + b"<b>x</b>" * 3_000_000 + b"</a>")
        assert refused.value.reason is Reason.UNREADABLE_CONTENT
        await inspector.inspect("application/pdf", pdf())


async def test_a_bomb_is_unreadable_and_the_next_is_taken() -> None:
    """A PDF that inflates to 1 GB meets the memory limit, is refused, and the next one is taken."""
    async with inspecting() as inspector:
        with pytest.raises(DocumentRefused) as refused:
            await inspector.inspect("application/pdf", xref_bomb(1024**3))
        assert refused.value.reason is Reason.UNREADABLE_CONTENT
        await inspector.inspect("application/pdf", pdf())


async def test_workers_leave_after_a_rest() -> None:
    """A worker that nobody needs for a while ends; the next document starts another."""
    async with inspecting(rest_seconds=0.1) as inspector:
        await inspector.inspect("application/pdf", pdf())
        [worker] = workers()
        assert await is_gone(worker)
        await inspector.inspect("application/pdf", pdf())


def test_a_worker_dies_with_its_parent(tmp_path: Path) -> None:
    """kill -9 of the service leaves no worker behind."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=tmp_path)
    assert parent.stdout is not None
    parent.stdout.readline()
    [worker] = workers(parent.pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert asyncio.run(is_gone(worker))
