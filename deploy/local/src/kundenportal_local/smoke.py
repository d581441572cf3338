"""`kundenportal smoke`: the main job once, on a portal of its own, through nothing but what interfaces.md names.

Billing registers a customer; the welcome mail comes; the person signs in, sets a password and accepts the notice; billing
hands over papers, inline and by reference; they are listed, their bytes are equal, and the mails are there.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.layout import LOCAL_DIR_VARIABLE, Layout
from kundenportal_local.lock import exclusive
from kundenportal_local.main_job import MainJob
from kundenportal_local.program import bound, tail

START_SECONDS = 300.0  # with the downloads of a first start
END_SECONDS = 30.0
LOOK_SECONDS = 0.1


def smoke(layout: Layout) -> int:
    """Do it all and print a line for each step; 0 when all of it was seen, else 1 and the ends of the logs."""
    folder = layout.root / "smoke"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with exclusive(layout.root / "smoke.lock"):
        shutil.rmtree(folder, ignore_errors=True)
        began = time.monotonic()
        try:
            with _portal(folder) as stack:
                _tell("start", began, f"the portal is at {stack['gateway_url']}")
                _do_the_main_job(MainJob(folder, stack))
                ending = time.monotonic()
            _tell("end", ending, "nothing is left running")
        except Exception as error:  # noqa: BLE001  whatever it is, the person sees the step and the logs
            print(
                f"\nFAILED after {time.monotonic() - began:.1f} s: {type(error).__name__}: {error}\n", file=sys.stderr
            )
            _show_logs(folder)
            return 1
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nThe main job works; {time.monotonic() - began:.1f} s in all.")
    return 0


def _do_the_main_job(run: MainJob) -> None:
    try:
        for step in (run.register, run.sign_in, run.publish, run.publish_attached):
            began = time.monotonic()
            name = step.__name__.replace("_", " ")
            try:
                seen = step()
            except Exception:
                _tell(name, began, "FAILED")
                raise
            _tell(name, began, seen)
    finally:
        if run.visitor:
            run.visitor.close()


@contextmanager
def _portal(folder: Path) -> Iterator[dict[str, Any]]:
    """Run a portal without sample data in this folder; it has ended, and all its processes, when the block has."""
    folder.mkdir(parents=True)
    script = str(Path(sys.executable).with_name("kundenportal"))
    with (folder / "run.log").open("wb") as log:
        process = subprocess.Popen(
            bound([script, "run", "--empty"]),
            env={**os.environ, LOCAL_DIR_VARIABLE: str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        stack = _await_stack(folder / "stack.json", process)
        yield stack
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise LocalTroubleError(f"the portal did not end within {END_SECONDS:.0f} s.") from None
    left = [name for name, pid in stack["processes"].items() if Path(f"/proc/{pid}/cmdline").exists() and _lives(pid)]
    if left:
        raise LocalTroubleError(f"{', '.join(left)} survived the end of the portal.")


def _await_stack(stack_file: Path, process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while not stack_file.exists():
        if process.poll() is not None:
            raise LocalTroubleError(f"the portal did not start:\n{tail(stack_file.with_name('run.log'))}")
        if time.monotonic() > deadline:
            raise LocalTroubleError(f"the portal was not ready within {START_SECONDS:.0f} s.")
        time.sleep(LOOK_SECONDS)
    stack: dict[str, Any] = json.loads(stack_file.read_text(encoding="utf-8"))
    return stack


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def _tell(what: str, began: float, seen: str) -> None:
    print(f"  {what:<18} {time.monotonic() - began:6.1f} s   {seen}", flush=True)


def _show_logs(folder: Path) -> None:
    for log in sorted((folder / "logs").glob("*.log")):
        if log.stat().st_size:
            print(f"{log}:\n{tail(log, lines=8)}\n", file=sys.stderr)
