"""A TCP proxy that delays, cuts and drops what a real server sends."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_CHUNK_BYTES = 16 * 1024


@dataclass(kw_only=True)
class TroubleProxy:
    """Passes bytes between clients and a server on this machine; its attributes may change at any time.

    Attributes:
        target_port: where the server listens.
        port: where the proxy listens.
        answers: clear, nothing that the server sends goes through until it is set again.
        cut_after_bytes: the connection ends when so many bytes of the server's went through; None for no end.
        stalls_after_bytes: nothing more goes through when so many bytes of the server's did; None for no stall.
        resets: connections end with a reset instead of an orderly close.
        spared_after: from this connection on, the first is 1, all goes well; None for never.
        connections: how many were opened.
    """

    target_port: int
    port: int = 0
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    cut_after_bytes: int | None = None
    stalls_after_bytes: int | None = None
    resets: bool = False
    spared_after: int | None = None
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection."""
        self.connections += 1
        is_spared = self.spared_after is not None and self.connections >= self.spared_after
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        sending = asyncio.create_task(self._send(reader, out))
        try:
            await self._answer(there, writer, None if is_spared else self.cut_after_bytes)
        finally:
            sending.cancel()
            out.transport.abort()
            if self.resets and not is_spared:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            writer.close()

    async def _send(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            out.write(chunk)
        out.transport.abort()

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, end: int | None) -> None:
        passed = 0
        try:
            while chunk := await there.read(_CHUNK_BYTES):
                await self.answers.wait()
                if self.stalls_after_bytes is not None and passed >= self.stalls_after_bytes:
                    await asyncio.Event().wait()
                if end is not None and passed + len(chunk) >= end:
                    writer.write(chunk[: end - passed])
                    await writer.drain()
                    return
                passed += len(chunk)
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            return


@asynccontextmanager
async def trouble_proxy(target_port: int) -> AsyncIterator[TroubleProxy]:
    """A proxy without trouble yet."""
    proxy = TroubleProxy(target_port=target_port)
    proxy.answers.set()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
