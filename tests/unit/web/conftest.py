"""A server of our connections in this process, whose clients are plain sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from renderer.web.connection import Connection, ConnectionTimes
from renderer.web.connection_server import ConnectionServer

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Serve = Callable[..., Awaitable["Served"]]


@dataclass(slots=True, kw_only=True)
class Served:
    """A server, its port and what its clients have been handed."""

    server: ConnectionServer
    port: int
    clients: list[socket.socket] = field(default_factory=list)

    def client(self) -> socket.socket:
        """A connection that takes in as little as a kernel allows before somebody reads."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", self.port))
        client.setblocking(False)
        self.clients.append(client)
        return client

    @property
    def connection(self) -> Connection:
        """The only connection there is."""
        (connection,) = self.server.connections
        assert isinstance(connection, Connection)
        return connection

    async def until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        """Returns when the condition holds."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  what is waited for happens in callbacks of a transport
                await asyncio.sleep(0.01)

    async def is_connected(self) -> None:
        """Returns when the server knows of its clients."""
        await self.until(lambda: len(self.server.connections) == len(self.clients))


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves with a handler until the test ends. Nobody sweeps but the test."""
    async with AsyncExitStack() as stack:

        async def start(handler: Handler, *, read: float = 30, write: float = 30, keep_alive: float = 30) -> Served:
            times = ConnectionTimes(read_seconds=read, write_seconds=write, keep_alive_seconds=keep_alive)
            server = ConnectionServer(handler, times)
            listener = socket.create_server(("127.0.0.1", 0))
            # Small, so that an answer waits in the server and not in the kernel; connections inherit it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
            listening = await asyncio.get_running_loop().create_server(server, sock=listener)
            served = Served(server=server, port=listener.getsockname()[1])
            stack.push_async_callback(ended, served, listening)
            return served

        yield start


async def ended(served: Served, listening: asyncio.Server) -> None:
    """Ends clients, connections and listener."""
    for client in served.clients:
        client.close()
    listening.close()
    served.server.cut("the test ends")
    await served.until(lambda: not served.server.connections)
