"""A response whose head is bytes already, for answers that are given again and again.

aiohttp puts the head of each answer together from its headers and checks them: 13 µs of the 70 that a small answer
takes. What stays the same is put together and checked once. Only for a GET over HTTP/1.1 on a connection that goes on:
everything else that a head may have to say is aiohttp's business.
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from typing import Final

from aiohttp import ClientConnectionResetError, HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a header or the head (RFC 9110 section 5.5)."""

_OWN: Final = frozenset({"x-request-id", "date", "content-length", "connection", "transfer-encoding"})
"""Headers that are written for each answer, or by whoever sends it."""


def is_for(request: web.BaseRequest) -> bool:
    """Whether a request may be answered in this way."""
    return request.method == "GET" and request.version == HttpVersion11 and request.keep_alive


def ready_head(response: web.Response) -> bytes:
    """What all answers like this one begin with; empty if aiohttp has to write it.

    Args:
        response: with all its headers, not sent and never to be.
    """
    names = {name.lower() for name in response.headers}
    if response.keep_alive is False or response.status != 200 or names & (_OWN - {"x-request-id"}):
        return b""
    lines = [f"{name}: {text}" for name, text in response.headers.items() if name.lower() not in _OWN]
    if any(map(_FORBIDDEN.search, lines)):
        return b""
    size = response.content_length or 0
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, f"Content-Length: {size}", ""]).encode()


class ReadyResponse(web.StreamResponse):
    """A body behind a ready head, of this date; `request_id` is to be set before it is sent."""

    def __init__(self, head: bytes, body: bytes, date: str) -> None:
        # Not the base's: it makes headers, which nobody may ask this response for, and looks up a status.
        self._ready = (head, body, date)
        self._is_sent = False
        self.request_id = ""

    @property
    def status(self) -> int:
        """Always 200: see `ready_head`."""
        return 200

    @property
    def prepared(self) -> bool:
        """Whether it is sent."""
        return self._is_sent

    @property
    def keep_alive(self) -> bool:
        """Always: see `is_for`."""
        return True

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self._ready[1])

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Sends all of it, once.

        Raises:
            ClientConnectionResetError: the client is gone.
        """
        if self._is_sent:
            return None
        self._is_sent = True
        head, body, date = self._ready
        own = f"X-Request-Id: {self.request_id}\r\nDate: {date}\r\n\r\n".encode()
        transport, writer = request.transport, request.writer
        if transport is None or transport.is_closing():
            raise ClientConnectionResetError("Cannot write to closing transport")
        transport.writelines((head, own, body))  # one call of the system, and no copy of the body
        await writer.drain()
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Does nothing: `prepare` has sent it all."""


class Dates:
    """The time of day as HTTP writes it, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def now(self) -> str:
        """The value of `Date`."""
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True)
        return self._text
