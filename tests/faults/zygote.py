"""Has a service's modules imported and forks it whenever asked, so that a restart costs no import.

`python -m tests.faults.zygote MODULE`: each line on stdin is a JSON object {"environment": {…}, "log": path} and starts a
process that runs MODULE's `serve` as its console script would; stdout tells `started PID` and `exited PID CODE`. The
children end with the zygote, and the zygote with the end of its stdin.
"""

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chassis.cli import run_process

PR_SET_PDEATHSIG = 1


def main() -> int:
    serve = importlib.import_module(sys.argv[1]).serve
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(f"{threads} threads after the imports: forking is not safe")
    gc.collect()
    gc.freeze()
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    say("ready")
    unread = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            reap()
        if 0 in ready:
            read = os.read(0, 65536)
            if not read:
                return 0
            *lines, unread = (unread + read).split(b"\n")
            for line in lines:
                start(serve, json.loads(line))


def start(serve: Callable[[], Any], order: dict[str, Any]) -> None:
    zygote = os.getpid()
    pid = os.fork()
    if pid:
        say(f"started {pid}")
        return
    code = 70
    try:
        become(order, zygote)
        code = run_process(serve)
    finally:
        sys.stdout.flush()
        os._exit(code)


def become(order: dict[str, Any], zygote: int) -> None:
    """Be like a process that was started by itself: own session, own environment, own output, nobody's signal handlers."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != zygote:
        os._exit(71)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(order["environment"])


def reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        say(f"exited {pid} {os.waitstatus_to_exitcode(status)}")


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
