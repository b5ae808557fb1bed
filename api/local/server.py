"""The local API on a socket, from the first request to the last order that is due."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from api.local.gateway import SERVER_NAME, Gateway
from api.local.pump import Pump
from renderer.web.connection import Connection, ConnectionTimes
from renderer.web.connection_server import ConnectionServer

_log = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 512
"""More are ended as soon as they are made."""

TIMES: Final = ConnectionTimes(read_seconds=10, write_seconds=30, keep_alive_seconds=60)

_SWEEP_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.02
_LINGER_SECONDS: Final = 0.2
"""How long an idle connection is kept when the server stops: a request may be on its way."""

_REST_SECONDS: Final = 1.0
"""For the last answer to leave, or half a request to become one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the end may take.

    Attributes:
        request_seconds: for requests that are under way; the gateway answers them all within 29 s.
        queue_seconds: for what is due in the queue; the rest stays there.
    """

    request_seconds: float = 30.0
    queue_seconds: float = 10.0


async def serve(
    gateway: Gateway,
    pump: Pump,
    listener: socket.socket,
    *,
    ready: Callable[[], None],
    patience: Patience | None = None,
) -> bool:
    """Serves until SIGTERM or SIGINT; whether everything that was due has been done by then. A second one hurries.

    Args:
        gateway: answers requests.
        pump: works on the queue; it is started here.
        listener: listens, and does not block.
        ready: called when requests are answered.
        patience: at the end.
    """
    patience = patience or Patience()
    loop = asyncio.get_running_loop()
    ending, hurrying = asyncio.Event(), asyncio.Event()

    def told() -> None:
        (hurrying if ending.is_set() else ending).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    connections = _Connections(gateway, TIMES, server_name=SERVER_NAME)
    server = await loop.create_server(cast("Callable[[], asyncio.Protocol]", connections), sock=listener)
    sweeping = asyncio.create_task(_swept(connections))
    pump.start()
    ready()
    await ending.wait()
    _log.info("Told to end: what is under way is finished, then what is due in the queue")
    sweeping.cancel()
    server.close()
    await _finish(connections, gateway, patience.request_seconds, hurrying)
    return await _stopped(pump, 0.0 if hurrying.is_set() else patience.queue_seconds, hurrying)


async def _swept(connections: ConnectionServer) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        connections.sweep()


async def _finish(connections: ConnectionServer, gateway: Gateway, seconds: float, hurrying: asyncio.Event) -> None:
    """Answers what is under way and ends every connection."""
    loop = asyncio.get_running_loop()
    began = busy_at = loop.time()
    while connections.connections and loop.time() - began < seconds and not hurrying.is_set():
        connections.sweep(linger_seconds=_LINGER_SECONDS, since=began)
        busy_at = busy_at if gateway.is_idle else loop.time()
        if loop.time() - busy_at > _REST_SECONDS:
            break
        await asyncio.sleep(_POLL_SECONDS)
    connections.cut("the server stops")


async def _stopped(pump: Pump, seconds: float, hurrying: asyncio.Event) -> bool:
    """Waits for the pump in a thread of its own, so that signals are heard meanwhile."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    outcome = [False]

    def stop() -> None:
        outcome[0] = pump.stop(seconds)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=stop, name="end of the pump", daemon=True).start()
    waits = [asyncio.create_task(event.wait()) for event in ((ended, hurrying) if seconds else (ended,))]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    return outcome[0]


class _Connections(ConnectionServer):
    """As many connections as there may be."""

    def __call__(self) -> Connection:
        """A protocol for one connection."""
        if len(self.connections) >= MOST_CONNECTIONS:
            return cast("Connection", _Refused())
        return super().__call__()


class _Refused(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ends it."""
        cast("asyncio.Transport", transport).abort()
