"""Accepting from a listener that may be shared: limits, busy processes, no descriptors, and the end."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from renderer.server.acceptor import Acceptor
from renderer.web.connection import ConnectionTimes
from renderer.web.connection_server import ConnectionServer

TIMES = ConnectionTimes(read_seconds=30, write_seconds=30, keep_alive_seconds=30)


async def handler(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=b"well")


async def until(condition: Callable[[], object]) -> None:
    """Returns when the condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what is waited for happens in callbacks of the loop
            await asyncio.sleep(0.005)


@asynccontextmanager
async def accepting(
    listener: socket.socket, *, max_connections: int = 0, is_busy: Callable[[], bool] | None = None
) -> AsyncIterator[Acceptor]:
    """An acceptor at work; its connections end with the block."""
    acceptor = Acceptor(ConnectionServer(handler, TIMES), listener, max_connections=max_connections, is_busy=is_busy)
    acceptor.start()
    yield acceptor
    await acceptor.stop()
    acceptor.server.cut("the test ends")
    await until(lambda: acceptor.count == 0 and not acceptor.server.connections)


@pytest.fixture
def listener() -> socket.socket:
    """Does not block; whoever accepts closes it."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    listening.settimeout(0)
    return listening


@pytest.fixture
async def connect(listener: socket.socket) -> AsyncIterator[Callable[[], socket.socket]]:
    """Makes clients, which end with the test."""
    address = listener.getsockname()
    async with AsyncExitStack() as stack:

        def connected() -> socket.socket:
            client = stack.enter_context(socket.create_connection(address))
            client.settimeout(0)
            return client

        yield connected


Connect = Callable[[], socket.socket]


async def test_clients_over_the_limit_wait_until_one_leaves(listener: socket.socket, connect: Connect) -> None:
    async with accepting(listener, max_connections=2) as acceptor:
        clients = [connect() for _ in range(4)]
        await until(lambda: acceptor.count == 2)
        await asyncio.sleep(0.05)
        assert acceptor.count == 2
        clients[0].close()
        await until(lambda: len(acceptor.server.connections) == 2)
        clients[1].close()
        clients[2].close()
        await until(lambda: len(acceptor.server.connections) == 1)


async def test_a_busy_process_leaves_connections_to_others(listener: socket.socket, connect: Connect) -> None:
    """It takes one that nobody else has taken."""
    other = listener.dup()
    async with accepting(listener, is_busy=lambda: True) as busy, accepting(other) as free:
        for count in range(1, 6):
            connect()
            await until(lambda count=count: busy.count + free.count == count)
        assert busy.count == 0
        await free.stop()
        connect()
        await until(lambda: busy.count == 1)


async def test_stopping_takes_what_has_arrived_whatever_the_limit(listener: socket.socket, connect: Connect) -> None:
    """Also a client that has left again. Nobody is heard afterwards."""
    async with accepting(listener, max_connections=1) as acceptor:
        clients = [connect() for _ in range(10)]
        await until(lambda: acceptor.count == 1)
        clients[4].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        clients[4].close()
        address = listener.getsockname()
        await acceptor.stop(asyncio.get_running_loop().time() + 5)
        loop = asyncio.get_running_loop()
        for client in clients[:4] + clients[5:]:
            await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await loop.sock_recv(client, 12)) == b"HTTP/1.1 200"
        with socket.socket() as late:
            assert late.connect_ex(address) != 0
        await acceptor.stop()


async def test_stopping_may_leave_what_has_arrived_to_others(listener: socket.socket, connect: Connect) -> None:
    other = listener.dup()
    async with accepting(listener, max_connections=1) as retired:
        for _ in range(5):
            connect()
        await until(lambda: retired.count == 1)
        await retired.stop()
        async with accepting(other) as successor:
            await until(lambda: successor.count == 4)
            assert retired.count == 1


@asynccontextmanager
async def few_descriptors() -> AsyncIterator[None]:
    """There is none left; then there are again."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_without_descriptors_clients_wait_and_it_is_said_once(
    listener: socket.socket, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with accepting(listener) as acceptor:
        clients = [connect() for _ in range(3)]
        async with few_descriptors():
            await asyncio.sleep(0.35)
            assert acceptor.count == 0
        await until(lambda: acceptor.count == len(clients))

    assert [record.getMessage() for record in caplog.records] == [
        "No connection can be accepted: [Errno 24] Too many open files"
    ]


async def test_stopping_without_descriptors_waits_for_some(listener: socket.socket, connect: Connect) -> None:
    """But not for ever."""
    loop = asyncio.get_running_loop()
    async with accepting(listener, max_connections=1) as acceptor:
        for _ in range(3):
            connect()
        await until(lambda: acceptor.count == 1)
        async with few_descriptors():
            stopping = asyncio.create_task(acceptor.stop(loop.time() + 5))
            await asyncio.sleep(0.15)
        await stopping
        assert acceptor.count == 3


async def test_stopping_without_descriptors_ends(listener: socket.socket, connect: Connect) -> None:
    loop = asyncio.get_running_loop()
    async with accepting(listener, max_connections=1) as acceptor:
        for _ in range(3):
            connect()
        await until(lambda: acceptor.count == 1)
        async with few_descriptors(), asyncio.timeout(2):
            await acceptor.stop(loop.time() + 0.2)
        assert acceptor.count == 1
