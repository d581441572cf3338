"""Ports on 127.0.0.1: the usual ones, else the next free ones, reserved against other local stacks.

Free ones are taken below the range of outgoing connections: a client that reconnects to a dead server's port inside
that range can end up connected to itself, and the server then cannot have its port back.
"""

import errno
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

from kundenportal_local.errors import LocalTroubleError

HOST = "127.0.0.1"
USUAL: Mapping[str, int] = MappingProxyType(
    {
        "gateway": 8080,
        "identity": 8081,
        "documents": 8082,
        "notifier": 8083,
        "gateway_management": 8090,
        "identity_management": 8091,
        "documents_management": 8092,
        "notifier_management": 8093,
        "mailbox": 8025,
        "smtp": 1025,
        "s3": 9000,
        "kafka": 9092,
        "kafka_controller": 9093,
        "postgres": 5432,
    }
)
STEP = 100


class Reservation:
    """Ports held by this process until it ends: abstract sockets of the network namespace, which vanish with us."""

    def __init__(self, highest: int | None = None) -> None:
        self._held: list[socket.socket] = []
        self._highest = highest or _first_outgoing_port() - 1

    def port(self, usual: int) -> int:
        """Reserve `usual` or the next free port in steps of a hundred; LocalTroubleError when there is none."""
        for candidate in range(usual, self._highest, STEP):
            if self._reserve(candidate):
                return candidate
        raise LocalTroubleError(
            f"Neither port {usual} nor any of the next ones up to {self._highest} is free on {HOST}. "
            "End what listens there (`ss -ltnp` shows it) and start again."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for held in self._held:
            held.close()
        self._held.clear()

    def _reserve(self, port: int) -> bool:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0kundenportal-port-{port}")
        except OSError:
            claim.close()
            return False
        if not is_free(port):
            claim.close()
            return False
        self._held.append(claim)
        return True


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def usual_ports(reservation: Reservation) -> dict[str, int]:
    """One reserved port for each name in USUAL."""
    return {name: reservation.port(usual) for name, usual in USUAL.items()}


def _first_outgoing_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 32768
