"""A response whose head is bytes already.

aiohttp puts the head of each answer together in forty calls, and copies the body behind it. Here it is joined once, and
once more only when it changes. Only for a GET over HTTP/1.1 on a connection that goes on: everything else that a head
may have to say is aiohttp's business.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
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


def ready_head(headers: Mapping[str, str], size: int) -> bytes:
    """What all answers with these headers, status 200 and a body of so many bytes begin with.

    Empty if aiohttp has to write it: with a header that is for each answer, or with one that cannot be written.
    """
    lines = [f"{name}: {text}" for name, text in headers.items()]
    if not _OWN.isdisjoint(map(str.lower, headers)) or _FORBIDDEN.search("\t".join(lines)):
        return b""
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, f"Content-Length: {size}", ""]).encode()


class ReadyResponse(web.StreamResponse):
    """A body behind a ready head, of this date; `request_id` is to be set before it is sent.

    Attributes:
        status: always 200, see `ready_head`.
        keep_alive: always, see `is_for`.
        prepared: whether it is sent.
        size: bytes of the body.
    """

    # Properties of the base's; each is asked for several times.
    status = 200
    keep_alive = True
    prepared = False

    def __init__(self, head: bytes, body: bytes, date: str) -> None:
        # Not the base's: it makes headers, which nobody may ask this response for, and looks up a status.
        self._ready = (head, body, date)
        self.size = len(body)
        self.request_id = ""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Sends all of it, once.

        Raises:
            ClientConnectionResetError: the client is gone.
        """
        if self.prepared:
            return None
        self.prepared = True
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
