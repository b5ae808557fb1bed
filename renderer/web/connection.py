"""One client connection and the times that it is given.

aiohttp bounds neither how long a request takes to arrive nor how long an answer takes to leave. Both are bounded here,
for all connections by one sweep a second instead of timers for each request. A connection is reading (a request is
expected or has begun to arrive), busy (a request is worked on), writing (an answer is on its way out) or idle.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.web_server import Server

_log = logging.getLogger(__name__)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

NEVER: Final = 1e9
"""Seconds: aiohttp's own keep-alive timer, which this module replaces, never fires."""

TOO_LARGE: Final = 431
"""RFC 6585 section 5: the status for a request line or header over its limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTimes:
    """Seconds that a client has: to send a request, to receive an answer, between two requests."""

    read_seconds: float
    write_seconds: float
    keep_alive_seconds: float


class Connection(web.RequestHandler):
    """aiohttp's protocol for one connection, with times."""

    __slots__ = ("_busy", "idle_since", "reading_since", "writing_since")

    def __init__(self, manager: ConnectionServer, **options: Any) -> None:  # noqa: ANN401  aiohttp's own
        super().__init__(manager, **options)
        self._busy = False
        self.reading_since: float | None = None
        self.writing_since: float | None = None
        self.idle_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first request is expected from now on."""
        super().connection_made(transport)
        self.idle_since = self.reading_since = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of the next one."""
        if not self._busy and self.reading_since is None:
            self.reading_since = self._loop.time()
        super().data_received(data)

    def request_began(self) -> None:
        """A whole request head is there."""
        self._busy = True
        self.reading_since = self.idle_since = None

    def answer_began(self) -> None:
        """The first byte of an answer goes out; one that is still under way keeps its time."""
        if self.writing_since is None:
            self.writing_since = self._loop.time()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Sends what is left of an answer; the connection is idle then, although the network may still be busy."""
        self.answer_began()
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._busy = False
            self.idle_since = self._loop.time()
            if self._unsent() == 0:
                self.writing_since = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP: no fault of ours, so it is worth a line at most."""
        if not isinstance(exc, BadHttpMessage):
            return super().handle_error(request, status, exc, message)
        _log.debug("a request that is no HTTP: %s", exc)
        status, text = (
            (TOO_LARGE, "Request Header Fields Too Large") if isinstance(exc, LineTooLong) else (400, "Bad Request")
        )
        response = web.Response(status=status, text=f"{status} {text}")
        response.force_close()
        return response

    def overdue(self, now: float, times: ConnectionTimes) -> bool:
        """Whether the client has taken longer than it may."""
        if self.writing_since is not None:
            if self._busy or self._unsent():
                return now - self.writing_since > times.write_seconds
            self.writing_since = None
        if self._busy:
            return False
        if self.reading_since is not None and now - self.reading_since > times.read_seconds:
            return True
        is_idle = self.reading_since is None or self.reading_since == self.idle_since
        return is_idle and self.idle_for(now) > max(times.keep_alive_seconds, 1)

    def idle_for(self, now: float) -> float:
        """For how long nothing has been asked; 0 while something is."""
        return 0.0 if self._busy or self.idle_since is None else now - self.idle_since

    def end(self, *, is_abort: bool) -> None:
        """Ends the connection; an abort forgets what has not been sent."""
        transport = self.transport
        if is_abort and transport is not None:
            transport.abort()
        else:
            self.force_close()

    def _unsent(self) -> int:
        return 0 if self.transport is None else self.transport.get_write_buffer_size()


class ConnectionServer(Server):
    """Makes connections and knows them all; `on_lost` is called for each that has ended."""

    def __init__(self, handler: Handler, times: ConnectionTimes, **options: Any) -> None:  # noqa: ANN401  aiohttp's own
        """Answers requests with what `handler` gives; `options` go to every connection."""
        super().__init__(handler, handler_cancellation=True)
        make_request = self.request_factory

        def began(*parts: Any) -> web.BaseRequest:  # noqa: ANN401  what aiohttp hands on
            request = make_request(*parts)
            request.protocol.request_began()  # type: ignore[attr-defined]  # a Connection, see `__call__`
            return request

        self.request_factory = began
        self._times = times
        self._options = options
        self.on_lost: Callable[[], None] = _nothing

    def __call__(self) -> Connection:
        """A protocol for one connection."""
        return Connection(
            self,
            loop=self._loop,
            keepalive_timeout=NEVER,
            lingering_time=self._times.read_seconds,
            access_log=None,
            **self._options,
        )

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forgets a connection."""
        super().connection_lost(handler, exc)
        self.on_lost()

    def sweep(self, *, linger_seconds: float | None = None) -> None:
        """Ends connections whose client takes too long, and with `linger_seconds` those idle for longer."""
        now = self._loop.time()
        for connection in self.connections:
            if not isinstance(connection, Connection):
                continue
            if connection.overdue(now, self._times):
                connection.end(is_abort=connection.writing_since is not None)
            elif linger_seconds is not None and connection.idle_for(now) >= linger_seconds:
                connection.end(is_abort=False)


def _nothing() -> None:
    """Does nothing."""
