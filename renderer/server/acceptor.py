"""Takes connections from a listening socket that several processes may share, up to a limit.

Connections over `IMGPROXY_MAX_CLIENTS` are not refused: they wait in the kernel until one ends (spec 03 section 2.6).
A process that has all it can work on lets the others look first.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from renderer.web.connection_server import ConnectionServer

_log = logging.getLogger(__name__)

_YIELD_SECONDS: Final = 0.002
"""How long a busy process leaves a new connection to the others: some turns of an event loop."""

_EXHAUSTED_SECONDS: Final = 0.1
"""How long to wait when the system has no more descriptors: until some connections have ended."""

_GONE: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENONET,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.EPROTO,
    }
)
"""What accept(2) says of one connection, which it has taken off the queue; the next one may be well."""


class _Taken(Enum):
    """What became of an attempt to accept."""

    ONE = auto()
    NOTHING = auto()
    """Nobody waits."""
    IMPOSSIBLE = auto()
    """Somebody may wait, but not now."""


class Acceptor:
    """Accepts for one server.

    Args:
        server: makes the connections.
        listener: listens, does not block; it is closed when accepting ends.
        max_connections: 0 is no limit.
        is_busy: whether others should take the next connection if they can; None if there are no others.
    """

    def __init__(
        self,
        server: ConnectionServer,
        listener: socket.socket,
        *,
        max_connections: int = 0,
        is_busy: Callable[[], bool] | None = None,
    ) -> None:
        self.server = server
        self._listener = listener
        self._max_connections = max_connections
        self._is_busy = is_busy
        self._loop = asyncio.get_running_loop()
        self._making: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._is_reading = False
        self._is_open = True
        self._is_exhausted = False
        self.count = 0
        """Connections that are open or being made."""
        server.on_lost = self._lost

    def start(self) -> None:
        """Begins to accept."""
        self._resume()

    async def stop(self, until: float | None = None) -> None:
        """Closes the listener; every socket that was accepted is a connection then.

        Args:
            until: before, takes what has arrived by now, whatever the limit, until this time on the loop's clock;
                None leaves it to others who listen on the same socket.
        """
        if self._is_open:
            self._is_open = False
            self._halt()
            if until is not None:
                await self._drain(until)
            self._listener.close()
        if self._making:
            await asyncio.wait(self._making)

    async def _drain(self, until: float) -> None:
        while (taken := self._accept_one()) is not _Taken.NOTHING:
            if taken is _Taken.IMPOSSIBLE:
                if self._loop.time() >= until:
                    return
                await asyncio.sleep(_EXHAUSTED_SECONDS)

    def _resume(self) -> None:
        if self._is_open and not self._is_reading and self._pause is None and not self._is_full():
            self._loop.add_reader(self._listener.fileno(), self._readable)
            self._is_reading = True

    def _halt(self) -> None:
        if self._is_reading:
            self._loop.remove_reader(self._listener.fileno())
            self._is_reading = False
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _wait(self, seconds: float) -> None:
        self._halt()
        self._pause = self._loop.call_later(seconds, self._continue)

    def _continue(self) -> None:
        self._pause = None
        if not self._is_full():
            self._accept()
        self._resume()

    def _readable(self) -> None:
        if self._is_busy is not None and self._is_busy():
            self._wait(_YIELD_SECONDS)
            return
        self._accept()
        if self._is_full():
            self._halt()

    def _accept(self) -> None:
        if self._accept_one() is _Taken.IMPOSSIBLE:
            self._wait(_EXHAUSTED_SECONDS)

    def _lost(self) -> None:
        self.count -= 1
        self._resume()

    def _is_full(self) -> bool:
        return bool(self._max_connections) and self.count >= self._max_connections

    def _accept_one(self) -> _Taken:
        try:
            connected, _ = self._listener.accept()
        except BlockingIOError:
            return _Taken.NOTHING
        except OSError as error:
            if error.errno in _GONE:
                return _Taken.ONE
            if not self._is_exhausted:  # said once, not ten times a second
                _log.error("No connection can be accepted: %s", error)
            self._is_exhausted = True
            return _Taken.IMPOSSIBLE
        self._is_exhausted = False
        connected.settimeout(0)
        self.count += 1
        made = self._loop.create_task(self._made(connected))
        self._making.add(made)
        made.add_done_callback(self._making.discard)
        return _Taken.ONE

    async def _made(self, connected: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self.server, connected)
        except OSError as error:
            connected.close()
            _log.debug("a connection ended before it began: %s", error)
            self._lost()
