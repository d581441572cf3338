"""Each toxic on a plain echo behind the proxy."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import FaultProxy, Toxics

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
BLOCK = bytes(range(256)) * 256


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with FaultProxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy
    server.close()


@pytest.fixture
async def streams(proxy: FaultProxy) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield reader, writer
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def told(streams: Streams, content: bytes) -> bytes:
    """What comes back of what is said."""
    reader, writer = streams
    writer.write(content)
    return await asyncio.wait_for(reader.readexactly(len(content)), 5)


async def silent(reader: asyncio.StreamReader, seconds: float = 0.1) -> bool:
    """Whether nothing comes for so long."""
    try:
        await asyncio.wait_for(reader.readexactly(1), seconds)
    except TimeoutError:
        return True
    return False


async def everything(reader: asyncio.StreamReader) -> bytes:
    """Read until the other side is gone, and tell a reset by its exception."""
    found = b""
    while chunk := await asyncio.wait_for(reader.read(65536), 5):
        found += chunk
    return found


async def test_a_healthy_proxy_is_a_wire(streams: Streams, proxy: FaultProxy) -> None:
    """Bytes pass both ways unchanged, and an end on one side is an end on the other."""
    assert await told(streams, BLOCK) == BLOCK
    streams[1].write_eof()
    assert await everything(streams[0]) == b""
    assert proxy.accepted == 1


async def test_latency(streams: Streams, proxy: FaultProxy) -> None:
    """Each direction adds its own, with jitter and in order, and it goes away while the connection lives."""
    proxy.poison(Toxics(latency=0.1, jitter=0.02))
    began = time.monotonic()
    assert await told(streams, BLOCK) == BLOCK
    assert time.monotonic() - began > 0.15
    await proxy.heal()
    began = time.monotonic()
    assert await told(streams, b"quick") == b"quick"
    assert time.monotonic() - began < 0.1


async def test_bandwidth(streams: Streams, proxy: FaultProxy) -> None:
    """So many bytes a second and no more, in the direction that was chosen."""
    proxy.to_client = Toxics(bandwidth=100_000, slice_bytes=1_000)
    began = time.monotonic()
    await told(streams, bytes(20_000))
    assert 0.15 < time.monotonic() - began < 3


async def test_slices(streams: Streams, proxy: FaultProxy) -> None:
    """What passes comes in small pieces with pauses."""
    proxy.to_client = Toxics(slice_bytes=2, slice_delay=0.02)
    reader, writer = streams
    writer.write(b"abcdef")
    assert await reader.read(6) == b"ab"
    assert await reader.readexactly(4) == b"cdef"


async def test_limit(streams: Streams, proxy: FaultProxy) -> None:
    """So many bytes pass, then the connection is closed as if that were all."""
    proxy.to_client = Toxics(limit=10)
    streams[1].write(b"0123456789abc")
    assert await everything(streams[0]) == b"0123456789"


async def test_reset_after_bytes(streams: Streams, proxy: FaultProxy) -> None:
    """So many bytes pass, then the connection is reset; they are counted from the moment of the toxic."""
    await told(streams, b"before")
    proxy.to_client = Toxics(reset_after=4)
    streams[1].write(b"0123456789")
    with pytest.raises(ConnectionResetError):
        await everything(streams[0])


async def test_reset_at_once(streams: Streams, proxy: FaultProxy) -> None:
    """Living connections are reset, new ones pass."""
    await told(streams, b"before")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await everything(streams[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await told((reader, writer), b"after") == b"after"
    writer.close()


async def test_refused(streams: Streams, proxy: FaultProxy) -> None:
    """Down: nobody listens and living connections are reset; up again it listens on the same port."""
    await told(streams, b"before")
    port = proxy.port
    await proxy.become("refuse")
    with pytest.raises(ConnectionError):
        await everything(streams[0])
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await proxy.become("up")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await told((reader, writer), b"after") == b"after"
    writer.close()


async def test_black_hole(streams: Streams, proxy: FaultProxy) -> None:
    """Nothing moves on living connections nor on new ones, and nobody is told; healed, everything arrives."""
    await told(streams, b"before")
    await proxy.become("black_hole")
    streams[1].write(b"held")
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"held, too")
    assert await silent(streams[0])
    assert await silent(reader)
    await proxy.heal()
    assert await asyncio.wait_for(streams[0].readexactly(4), 5) == b"held"
    assert await asyncio.wait_for(reader.readexactly(9), 5) == b"held, too"
    writer.close()


async def test_nobody_behind_it() -> None:
    """Where nobody listens behind the proxy a connection is reset, not left hanging."""
    async with FaultProxy(1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await everything(reader)
        writer.close()
        assert proxy.live == 0
