"""Clients that send one byte a second, and clients that read one byte a second, hundreds of each."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Final

from benchmarks.load.server import running_server
from benchmarks.resilience.figures import Figure
from benchmarks.resilience.site import USUAL, Site, clients

COUNT: Final = 500
MEMORY_FACTOR: Final = 1.5
_REQUEST: Final = b"GET %s HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 400


async def slow(site: Site) -> list[Figure]:
    """Others are served meanwhile, and memory is bounded."""
    variables = site.variables(IMGPROXY_WORKERS="4")
    large = "/unsafe/skp:jpg/plain/local:///landscape.jpg"
    with running_server(site.folder / "slow.log", variables) as server:
        async with clients(server, 2, USUAL) as before:
            await asyncio.sleep(site.seconds / 3)
        held = server.pss_bytes()
        stop = asyncio.Event()
        tasks = [asyncio.create_task(_trickle(server.port, stop)) for _ in range(COUNT)]
        tasks += [asyncio.create_task(_sip(server.port, large.encode(), stop)) for _ in range(COUNT)]
        await asyncio.sleep(2)
        most = held
        async with clients(server, 2, USUAL) as during:
            for _ in range(int(site.seconds * 2 / 3)):
                await asyncio.sleep(1)
                most = max(most, server.pss_bytes())
        stop.set()
        await asyncio.gather(*tasks)
    answers = site.pictures.joinpath("landscape.jpg").stat().st_size * COUNT
    bound = held * MEMORY_FACTOR + answers
    slowest, usual = during.percentile(200, 0.99) * 1000, before.percentile(200, 0.99) * 1000
    return [
        Figure(
            scenario="slow clients",
            what=f"others are served beside {COUNT} that send and {COUNT} that read a byte a second",
            seen=f"{during.count(200)} answers, p99 {slowest:.0f} ms (before: {usual:.0f} ms), {len(during.cut)} cut",
            holds=set(during.seconds) == {200} and not during.cut,
        ),
        Figure(
            scenario="slow clients",
            what="memory is bounded by what they asked for",
            seen=f"{held / 1e6:.0f} MB before, {most / 1e6:.0f} MB at most; their answers are {answers / 1e6:.0f} MB",
            holds=most <= bound,
        ),
    ]


async def _trickle(port: int, stop: asyncio.Event) -> None:
    """Sends a byte a second, on a new connection when the old one is ended."""
    while not stop.is_set():
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            for byte in _REQUEST % b"/unsafe/plain/local:///landscape.jpg":
                if stop.is_set() or writer.is_closing():
                    break
                writer.write(bytes([byte]))
                await writer.drain()
                await _second(stop)
            writer.close()
        await _second(stop)


async def _sip(port: int, path: bytes, stop: asyncio.Event) -> None:
    """Asks for a picture and reads a byte of it a second."""
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        with socket.socket() as sipping, contextlib.suppress(OSError):
            sipping.settimeout(0)
            sipping.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(sipping, ("127.0.0.1", port))
            await loop.sock_sendall(sipping, b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
            async with asyncio.timeout(60):
                while not stop.is_set() and await loop.sock_recv(sipping, 1):
                    await _second(stop)
        await _second(stop)


async def _second(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), 1)
