"""The last resort against a process that does not end: a thread that ends it, whatever the event loop is stuck in."""

import os
import threading

from chassis.logs import get_logger

log = get_logger()


class Watchdog:
    """Once started, the process has `seconds` left; then it exits with `exit_code` at once, without any cleaning up."""

    def __init__(self, seconds: float, exit_code: int = 1) -> None:
        self._seconds = seconds
        self._exit_code = exit_code
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def cancel(self) -> None:
        """Let the process live: what was feared did not happen."""
        self._timer.cancel()

    def _end(self) -> None:
        log.critical("service_ended_by_force", after_seconds=self._seconds, threads=threading.active_count())
        os._exit(self._exit_code)
