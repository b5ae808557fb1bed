"""One client connection and the times that it is given.

aiohttp bounds neither how long a request takes to arrive nor how long an answer takes to leave. Both are bounded here,
for all connections by one sweep a second instead of timers for each request. What a connection does follows from three
facts: since when a request is expected or arrives (`reading_since`), since when nothing of one has come (`idle_since`),
and since when bytes of an answer wait to be sent (`writing_since`). While a request is worked on, only the last counts.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import struct
import termios
from dataclasses import dataclass
from typing import Any, Final, cast

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.web_server import Server

_log = logging.getLogger(__name__)

MAX_HEAD_BYTES: Final = 1_052_672
"""1 MiB and 4 KiB of request line and headers together (spec 01 section 1.9); more is answered 431."""

_TOO_LARGE_TEXT: Final = "431 Request Header Fields Too Large"
"""RFC 6585 section 5: the status for a request line or headers over their limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTimes:
    """Seconds that a client has: to send a request, to receive an answer, between two requests."""

    read_seconds: float
    write_seconds: float
    keep_alive_seconds: float


class Connection(web.RequestHandler):
    """aiohttp's protocol for one connection, with times.

    `cut_because` says why this server ended it, empty if it did not; `is_stalled` that it was the client's slowness in
    taking an answer.
    """

    __slots__ = (
        "_body",
        "_busy",
        "_head_bytes",
        "_is_stream",
        "_queued",
        "_server_name",
        "_wire",
        "cut_because",
        "idle_since",
        "is_stalled",
        "reading_since",
        "writing_since",
    )

    def __init__(self, manager: Server, *, server_name: str, **options: Any) -> None:  # noqa: ANN401  aiohttp's own
        super().__init__(manager, **options)
        self._server_name = server_name
        self._busy = False
        # aiohttp forgets its transport as soon as it closes it, long before the last byte has left.
        self._wire: asyncio.Transport | None = None
        self._body: StreamReader | None = None
        self._head_bytes = 0
        self._is_stream = False
        self._queued = (0, 0)
        self.cut_because = ""
        self.is_stalled = False
        self.reading_since: float | None = None
        self.writing_since: float | None = None
        self.idle_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first request is expected from now on."""
        super().connection_made(transport)
        self._wire = cast("asyncio.Transport", transport)
        self.idle_since = self.reading_since = self._loop.time()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nothing can be sent any more."""
        self._wire = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of the next one."""
        if not self._busy and data:
            self.idle_since = None
            if self.reading_since is None:
                self.reading_since = self._loop.time()
        count = self._request_count
        super().data_received(data)
        if self._request_count != count:
            self._head_bytes = 0
            self._body = self._messages[-1][1] if self._messages else None
        elif self._body is None or self._body.is_eof():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head()

    def request_began(self) -> None:
        """A whole request head is there."""
        self._busy = True
        # What of an earlier answer is still to be sent, if anything, the next sweep sees.
        self.reading_since = self.idle_since = None

    def answer_began(self, *, is_stream: bool = False) -> None:
        """The first byte of an answer goes out; of a stream, each further byte that the client takes gives it time."""
        self.writing_since = self._loop.time()
        self._is_stream = is_stream

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Sends what is left of an answer; the connection is idle then, although the network may still be busy."""
        if not resp.prepared:
            self.answer_began()
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._busy = False
            self.idle_since = self._loop.time()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP: no fault of ours, so it is worth a line at most.

        Raises:
            ConnectionError: the client is gone.
        """
        if isinstance(exc, ConnectionError):
            raise exc
        if not isinstance(exc, BadHttpMessage):
            return super().handle_error(request, status, exc, message)
        _log.debug("a request that is no HTTP: %s", exc)
        text = _TOO_LARGE_TEXT if isinstance(exc, LineTooLong) else "400 Bad Request"
        # Without one of ours aiohttp would name itself and its version.
        response = web.Response(status=int(text[:3]), text=text, headers={"Server": self._server_name})
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:  # noqa: ANN401  aiohttp's own
        """A body that is no HTTP, behind a request that was answered, is no fault of ours either."""
        error = kw.get("exc_info")
        if isinstance(error, (web.RequestPayloadError, BadHttpMessage)):
            _log.debug("a request body that is no HTTP: %s", error)
        else:
            super().log_exception(*args, **kw)

    def overdue(self, now: float, times: ConnectionTimes) -> str:
        """What the client has taken too long for; empty if nothing."""
        self.is_stalled = self.writing_since is not None and self._is_stuck(now, times.write_seconds)
        if self.is_stalled:
            return f"the client did not take the answer within {times.write_seconds} s"
        if self._busy:
            return ""
        if self.reading_since is not None:
            is_late = now - self.reading_since > times.read_seconds
            return f"no whole request came within {times.read_seconds} s" if is_late else ""
        # An answer that ends its connection, as all do without keep-alive, may need a moment for it.
        is_late = self.idle_since is not None and now - self.idle_since > max(times.keep_alive_seconds, 1)
        return "nothing was asked any more" if is_late else ""

    def end(self, reason: str = "", *, is_abort: bool) -> None:
        """Ends the connection; an abort forgets what has not been sent."""
        self.cut_because = reason
        if is_abort and self._wire is not None:
            self._wire.abort()
        else:
            self.force_close()

    def _is_stuck(self, now: float, write_seconds: float) -> bool:
        """Whether what waits to be sent has waited too long."""
        unsent = self._unsent()
        if not unsent:
            # A stream may go on; until then the client has all that there is.
            self.writing_since = now if self._busy and self._is_stream else None
            return False
        if self._is_stream:
            queued = (unsent, self._unacknowledged())
            if queued != self._queued:
                self._queued, self.writing_since = queued, now
        return self.writing_since is not None and now - self.writing_since > write_seconds

    def _unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return 0 if self._wire is None else self._wire.get_write_buffer_size()

    def _unacknowledged(self) -> int:
        """Bytes that the kernel has taken and the client's has not; a slow reader moves these long before ours."""
        if self._wire is None:
            return 0
        try:
            size = fcntl.ioctl(self._wire.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        except OSError:
            return 0
        return int(struct.unpack("i", size)[0])

    def _refuse_head(self) -> None:
        """Answers 431, or ends the connection after an answer that is worked on."""
        _log.debug("a request head of more than %d bytes", MAX_HEAD_BYTES)
        if self._busy or self._messages or self._wire is None:
            self.close()
            return
        body = _TOO_LARGE_TEXT
        head = (
            f"HTTP/1.1 {body}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._wire.write((head + body).encode())
        self.force_close()
