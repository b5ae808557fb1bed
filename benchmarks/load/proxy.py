"""A TCP proxy that delays, cuts and drops what a real server sends."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

_CHUNK_BYTES: Final = 16 * 1024


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
        piece_seconds: how long every piece of the server's, 16 KB at most, waits before it goes through.
        connections: how many were opened.
    """

    target_port: int
    port: int = 0
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    cut_after_bytes: int | None = None
    stalls_after_bytes: int | None = None
    resets: bool = False
    spared_after: int | None = None
    piece_seconds: float = 0.0
    connections: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def listen(self) -> None:
        """Takes connections, on the same port as before if it did before."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Ends all connections and takes no more: whoever connects is refused, as by a machine without the server."""
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
            await self._answer(there, writer, is_spared=is_spared)
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

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_spared: bool) -> None:
        passed = 0
        try:
            while chunk := await there.read(_CHUNK_BYTES):
                await self.answers.wait()
                await asyncio.sleep(self.piece_seconds)
                if self.stalls_after_bytes is not None and passed >= self.stalls_after_bytes:
                    await asyncio.Event().wait()
                end = None if is_spared else self.cut_after_bytes
                if end is not None and passed + len(chunk) >= end:
                    writer.write(chunk[: max(0, end - passed)])
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
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.refuse()
