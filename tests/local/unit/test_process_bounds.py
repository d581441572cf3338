"""Children live no longer than the supervisor, however it ends, and hear SIGINT even where it came ignored."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

SUPERVISOR = """
import asyncio, os, sys
from pathlib import Path
from kundenportal_local.program import Program
from kundenportal_local.signals import until_signal
from kundenportal_local.supervisor import Supervisor

async def main():
    supervisor = Supervisor(Path(sys.argv[1]), changed=lambda: None)
    async def work():
        for name in ("a", "b"):
            await supervisor.start(
                Program(name=name, command=("sleep", "600"), environment=dict(os.environ), is_ready=lambda: True), 5)
        print(*supervisor.pids().values(), flush=True)
        await asyncio.Event().wait()
    try:
        await until_signal(work())
    finally:
        await supervisor.stop([(["a", "b"], 5)])
asyncio.run(main())
"""


def started(folder: Path, *prefix: str) -> tuple["subprocess.Popen[str]", list[int]]:
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", SUPERVISOR, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_gone(pids: list[int], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    """After kill -9 of the supervisor no child is left."""
    process, pids = started(tmp_path)
    process.kill()
    process.communicate()
    assert all_gone(pids)


def test_sigterm_ends_everything(tmp_path: Path) -> None:
    """SIGTERM ends the children first and then the supervisor, with exit code 0."""
    process, pids = started(tmp_path)
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert all_gone(pids, 0.1)


def test_sigint_is_heard_where_it_came_ignored(tmp_path: Path) -> None:
    """In a shell's background job SIGINT comes ignored; the supervisor ends on it all the same."""
    process, pids = started(tmp_path, "sh", "-c", 'trap "" INT; exec "$0" "$@"')
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert all_gone(pids, 0.1)


def test_a_child_has_a_session_of_its_own(tmp_path: Path) -> None:
    """Ctrl-C in the terminal reaches the supervisor alone, so that it can end its children in order."""
    process, pids = started(tmp_path)
    assert [os.getsid(pid) for pid in pids] == pids
    process.terminate()
    process.communicate(timeout=10)


def test_a_child_hears_sigint_where_it_came_ignored(tmp_path: Path) -> None:
    """PostgreSQL and others are ended by SIGINT, so a child does not inherit that it is ignored."""
    process, pids = started(tmp_path, "sh", "-c", 'trap "" INT; exec "$0" "$@"')
    ignored = Path(f"/proc/{pids[0]}/status").read_text().split("SigIgn:\t")[1].split()[0]
    assert int(ignored, 16) & (1 << (signal.SIGINT - 1)) == 0
    process.terminate()
    process.communicate(timeout=10)
