"""Is it ready? Short questions to servers on 127.0.0.1 that answer yes or no and never raise."""

import http.client
import socket
import struct

from kundenportal_local.ports import HOST

SECONDS = 2.0
KAFKA_API_VERSIONS = struct.pack(
    ">ihhih", 10, 18, 0, 1, -1
)  # length, ApiVersions, version 0, correlation 1, no client id


def answers_http(port: int, path: str, *expected: int, host: str = HOST) -> bool:
    """Whether GET `path` answers with one of the expected statuses."""
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in expected
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def greets_smtp(port: int, host: str = HOST) -> bool:
    """Whether a mail server says 220 there."""
    return _exchange(port, b"", host).startswith(b"220")


def speaks_kafka(port: int, host: str = HOST) -> bool:
    """Whether a broker answers the first question of every Kafka client."""
    answer = _exchange(port, KAFKA_API_VERSIONS, host)
    return len(answer) > 8 and answer[4:8] == b"\0\0\0\1"  # noqa: PLR2004  after the length stands our correlation id


def speaks_postgres(port: int, host: str = HOST) -> bool:
    """Whether PostgreSQL asks for a password, which it does once it accepts sessions."""
    parameters = b"user\0postgres\0database\0postgres\0\0"
    return _exchange(port, struct.pack(">ii", len(parameters) + 8, 196_608) + parameters, host).startswith(b"R")


def _exchange(port: int, question: bytes, host: str) -> bytes:
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as connection:
            connection.sendall(question)
            return connection.recv(256)
    except OSError:
        return b""
