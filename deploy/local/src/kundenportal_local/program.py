"""A program to start, and one running: in a session of its own, bound to our life, its output in a bounded log."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from typing import IO

from kundenportal_local.errors import LocalTroubleError

BOUND = Path(__file__).with_name("bound.py")
LOG_BYTES = 10_000_000
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Program:
    """What to start, how to see that it is ready, and which signal ends it well."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool] = bool
    stop_signal: Signals = signal.SIGTERM
    user: str | None = None
    cwd: Path | None = None
    prepare: Callable[[], object] = field(default=bool)


class Running:
    """One started process, its program prepared before.

    Start from the main thread only: the kernel binds the child to the thread that forks it.
    """

    def __init__(self, program: Program, log: Path, *, echo: bool = False) -> None:
        """`echo` sends the output to our own console instead of the log."""
        self.program = program
        self.log = log
        self.started_at = time.monotonic()
        with _open_log(log) as output:
            self._process = subprocess.Popen(
                bound(program.command, user=program.user),
                env=dict(program.environment),
                cwd=program.cwd or "/",
                stdin=subprocess.DEVNULL,
                stdout=None if echo else output,
                stderr=None if echo else subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs (also while it is stopped by SIGSTOP)."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Send the stop signal, and wake it so that a stopped process hears it."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(self.program.stop_signal)
                self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End what is left of its session, children of its own included, and reap it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def stop(self, seconds: float) -> None:
        """Ask, wait at most `seconds`, then kill. For callers without an event loop."""
        self.ask_to_stop()
        deadline = time.monotonic() + seconds
        while self.exit_code is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.kill()

    def wait_until_ready(self, seconds: float) -> None:
        """LocalTroubleError with the log's tail when it exits or does not get ready in time."""
        deadline = time.monotonic() + seconds
        while not self.program.is_ready():
            if self.exit_code is not None or time.monotonic() > deadline:
                raise not_ready(self, seconds)
            time.sleep(POLL_SECONDS)


def not_ready(running: Running, seconds: float) -> LocalTroubleError:
    """The sentence for a process that exited or did not get ready in time, with the end of its log."""
    code = running.exit_code
    what = f"did not get ready within {seconds:.0f} s" if code is None else f"ended ({how_it_ended(code)})"
    return LocalTroubleError(f"{running.program.name} {what}. The end of {running.log}:\n{tail(running.log)}")


def how_it_ended(code: int) -> str:
    """`exit code 1` or `SIGKILL`, as a person would say it."""
    return f"exit code {code}" if code >= 0 else Signals(-code).name


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented for the console."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_000))
            text = file.read().decode(errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line[:400]}" for line in text.splitlines()[-lines:]) or "  (empty)"


def bound_log(log: Path) -> None:
    """Keep a log and one older piece below LOG_BYTES each; the writer appends, so truncating under it is safe."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def bound(command: Sequence[str], *, user: str | None = None) -> list[str]:
    """The command line that starts a command as our bound child, as another user where one is named."""
    return [sys.executable, "-I", "-S", str(BOUND), str(os.getpid()), user or "-", *command]


def _open_log(log: Path) -> IO[bytes]:
    bound_log(log)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return log.open("ab")
    except OSError as error:
        raise LocalTroubleError(f"{log} cannot be written ({error.strerror}). Is the disk full?") from error
