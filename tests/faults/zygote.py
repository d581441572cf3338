"""Has a service's modules imported and forks it whenever asked, so that a restart costs no import.

`python -m tests.faults.zygote MODULE SOCKET` listens on a Unix socket once the modules are there. Each line on a
connection is a JSON object {"environment": {…}, "log": path} and starts a process that runs MODULE's `serve` as its console
script would; the answers are `started PID` and `exited PID CODE`. What a connection started ends with it.
"""

import contextlib
import ctypes
import faulthandler
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chassis.cli import run_process

PR_SET_PDEATHSIG = 1
UNREADY_EXIT, ORPHAN_EXIT = 70, 71


@dataclass(eq=False, slots=True)
class Customer:
    """One connection, what it has not finished saying, and what runs for it."""

    wire: socket.socket
    unread: bytes = b""
    pids: set[int] = field(default_factory=set)

    def say(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self.wire.sendall(line.encode() + b"\n")


class Zygote:
    def __init__(self, serve: Callable[[], Any], path: str) -> None:
        self._serve = serve
        self._customers: set[Customer] = set()
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ, self._reap)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def run(self) -> None:
        """Go on until somebody kills it."""
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _accept(self) -> None:
        customer = Customer(self._listener.accept()[0])
        self._customers.add(customer)
        self._selector.register(customer.wire, selectors.EVENT_READ, lambda: self._hear(customer))

    def _hear(self, customer: Customer) -> None:
        read = b""
        with contextlib.suppress(ConnectionError):
            read = customer.wire.recv(65536)
        if not read:
            self._leave(customer)
            return
        *lines, customer.unread = (customer.unread + read).split(b"\n")
        for line in lines:
            self._start(customer, json.loads(line))

    def _leave(self, customer: Customer) -> None:
        self._customers.discard(customer)
        self._selector.unregister(customer.wire)
        customer.wire.close()
        for pid in customer.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _start(self, customer: Customer, order: dict[str, Any]) -> None:
        zygote = os.getpid()
        pid = os.fork()
        if pid:
            customer.pids.add(pid)
            customer.say(f"started {pid}")
            return
        code = UNREADY_EXIT
        try:
            self._forget()
            become(order, zygote)
            code = run_process(self._serve)
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _forget(self) -> None:
        """In the child: nothing of the zygote's stays open."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._listener.close()
        for customer in self._customers:
            customer.wire.close()

    def _reap(self) -> None:
        os.read(self._woken, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for customer in self._customers:
                if pid in customer.pids:
                    customer.pids.discard(pid)
                    customer.say(f"exited {pid} {os.waitstatus_to_exitcode(status)}")


def become(order: dict[str, Any], zygote: int) -> None:
    """Be like a process that was started by itself: own session, own environment, own output, nobody's signal handlers."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != zygote:
        os._exit(ORPHAN_EXIT)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    faulthandler.enable()


def main(module: str, path: str) -> None:
    serve = importlib.import_module(module).serve
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(f"{threads} threads after the imports: forking is not safe")
    gc.collect()
    gc.freeze()
    Zygote(serve, path).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
