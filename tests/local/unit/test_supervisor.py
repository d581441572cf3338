"""Keeping programs running and ending them in order, with tiny children."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.program import Program
from kundenportal_local.supervisor import Supervisor

ENVIRONMENT = {"PATH": os.environ["PATH"]}
FOREVER = "import os, time; print(os.getpid(), 'up', flush=True); time.sleep(600)"
# Writes its name when it is asked to end, so that the order shows.
LAST_WORDS = """
import signal, sys, time
def end(*_):
    time.sleep(float(sys.argv[3])); open(sys.argv[1], "a").write(sys.argv[2] + " "); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True); time.sleep(600)
"""


def python(name: str, code: str, *arguments: str, log: Path | None = None) -> Program:
    is_ready = (lambda: log.exists() and b"up" in log.read_bytes()) if log else lambda: True
    command = (sys.executable, "-I", "-S", "-c", code, *arguments)
    return Program(name=name, command=command, environment=ENVIRONMENT, is_ready=is_ready)


class Watched:
    """A supervisor whose words and changes are written down."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.said: list[str] = []
        self.changes: list[dict[str, int]] = []
        self.supervisor = Supervisor(logs, changed=self._changed, say=self.said.append)

    def program(self, name: str, code: str, *arguments: str) -> Program:
        return python(name, code, *arguments, log=self.logs / f"{name}.log")

    def pid(self, name: str) -> int:
        return self.supervisor.pids()[name]

    def _changed(self) -> None:
        self.changes.append(self.supervisor.pids())


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path)
    yield made
    await made.supervisor.stop([])


async def eventually(look: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "not seen in time"
        await asyncio.sleep(0.02)


async def test_what_is_killed_is_started_again(watched: Watched) -> None:
    """A killed program runs again within three seconds, and everybody is told its new process id."""
    await watched.supervisor.start(watched.program("one", FOREVER), 5)
    before = watched.pid("one")
    os.kill(before, signal.SIGKILL)
    await eventually(lambda: watched.supervisor.pids().get("one", before) != before, seconds=3)
    assert watched.changes[-1] == {"one": watched.pid("one")}
    assert "one ended (SIGKILL)" in watched.said[0]


async def test_what_is_stopped_is_left_alone(watched: Watched) -> None:
    """A program under SIGSTOP keeps its process and goes on after SIGCONT."""
    await watched.supervisor.start(watched.program("one", FOREVER), 5)
    pid = watched.pid("one")
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(0.5)
    assert watched.pid("one") == pid
    os.kill(pid, signal.SIGCONT)
    assert watched.said == []


async def test_groups_end_one_after_the_other(watched: Watched, tmp_path: Path) -> None:
    """The second group is asked to end when the first has ended, however long that took within its time."""
    book = tmp_path / "book"
    for name, pause in (("database", "0"), ("service", "0.3")):
        await watched.supervisor.start(watched.program(name, LAST_WORDS, str(book), name, pause), 5)
    await watched.supervisor.stop([(["service"], 5), (["database"], 5)])
    assert book.read_text() == "service database "


async def test_who_does_not_end_is_killed(watched: Watched) -> None:
    """A program that ignores its signal is killed when its seconds are over, with the children it started."""
    code = "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    code += "print(subprocess.Popen(['sleep', '600']).pid, 'up', flush=True); time.sleep(600)"
    await watched.supervisor.start(watched.program("deaf", code), 5)
    child = int((watched.logs / "deaf.log").read_text().split()[0])
    await watched.supervisor.stop([(["deaf"], 0.3)])
    assert "deaf did not end" in watched.said[0]
    await eventually(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


async def test_a_stopped_program_is_ended_too(watched: Watched, tmp_path: Path) -> None:
    """Under SIGSTOP a program hears the request to end as it is woken, and ends in good order."""
    book = tmp_path / "book"
    await watched.supervisor.start(watched.program("one", LAST_WORDS, str(book), "one", "0"), 5)
    os.kill(watched.pid("one"), signal.SIGSTOP)
    await watched.supervisor.stop([(["one"], 5)])
    assert book.read_text() == "one "


async def test_nothing_is_started_again_while_ending(watched: Watched) -> None:
    """A program that dies while everything ends stays dead."""
    await watched.supervisor.start(watched.program("one", FOREVER), 5)
    os.kill(watched.pid("one"), signal.SIGKILL)
    await watched.supervisor.stop([(["one"], 1)])
    await asyncio.sleep(0.3)
    assert len(watched.changes) == 1


async def test_who_ends_at_the_start_is_told_with_its_log(watched: Watched) -> None:
    """A program that exits before it is ready ends the start with a sentence that shows the end of its log."""
    with pytest.raises(LocalTroubleError, match=r"(?s)bad ended \(exit code 3\).*port 80 is taken"):
        await watched.supervisor.start(watched.program("bad", "print('port 80 is taken'); raise SystemExit(3)"), 5)


async def test_who_is_not_ready_in_time_is_told(watched: Watched) -> None:
    """A program that never gets ready ends the start with a sentence."""
    with pytest.raises(LocalTroubleError, match="did not get ready within"):
        await watched.supervisor.start(watched.program("slow", "import time; time.sleep(600)"), 0.3)


async def test_a_program_that_is_missing_is_told(watched: Watched) -> None:
    """A command that does not exist is named with the reason."""
    program = Program(name="gone", command=("/no/such/program",), environment=ENVIRONMENT)
    with pytest.raises(LocalTroubleError, match="No such file"):
        await watched.supervisor.start(program, 5)


async def test_a_step_that_fails_is_told(watched: Watched) -> None:
    """A program that runs once and fails ends the start with the end of its log."""
    with pytest.raises(LocalTroubleError, match=r"(?s)step ended \(exit code 1\).*no such table"):
        await watched.supervisor.run_once(python("step", "raise SystemExit('no such table')"))


async def test_a_cancelled_step_is_killed(watched: Watched) -> None:
    """Whoever ends the start in the middle of a step ends the step's process with it."""
    task = asyncio.create_task(watched.supervisor.run_once(python("step", FOREVER)))
    log = watched.logs / "step.log"
    await eventually(lambda: log.exists() and b"up" in log.read_bytes())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not psutil.pid_exists(int(log.read_text().split()[0]))
