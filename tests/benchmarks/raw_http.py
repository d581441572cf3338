"""GETs at the cost of a socket: kept connections that count bytes, so that the client is not what is measured."""

import asyncio
from urllib.parse import urlsplit


class RawConnection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader, self.writer, self.host = reader, writer, host

    async def get(self, target: str, headers: str = "") -> tuple[int, int]:
        """Status and number of body bytes; `target` is path and query, `headers` end with CRLF each."""
        self.writer.write(f"GET {target} HTTP/1.1\r\nHost: {self.host}\r\n{headers}\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        left = length
        while left:
            chunk = await self.reader.read(min(left, 1 << 18))
            if not chunk:
                raise ConnectionError(f"{left} bytes missing")
            left -= len(chunk)
        return int(head[9:12]), length

    def close(self) -> None:
        self.writer.close()


async def connect(url: str) -> RawConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    return RawConnection(reader, writer, f"{host}:{port}")


async def get_many(url: str, targets: list[str], headers: str = "", connections: int = 8) -> int:
    """Fetch every target once over a few connections; returns how many, fails on any answer but 200."""
    waiting = list(targets)

    async def work() -> None:
        connection = await connect(url)
        while waiting:
            status, _ = await connection.get(waiting.pop(), headers)
            if status != 200:
                raise ConnectionError(f"answered {status}")
        connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(work())
    return len(targets)
