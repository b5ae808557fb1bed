"""Requests as a visitor sends them, each on a connection of its own, and waiting for something to become true.

Plain `http.client`: no redirects are followed, nothing is decoded, and the time to the first byte is this program's.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

ANSWER_SECONDS: Final = 60
"""More than the gateway's 29 s and CloudFront's wait for the server."""
CONNECT_SECONDS: Final = 5
_POLL_SECONDS: Final = 0.5
MAX_BODY_BYTES: Final = 64 * 1024 * 1024

Found = TypeVar("Found")


class Shortfall(Exception):
    """A deployment does not do what it should; the text says what was seen instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; `first_byte_seconds` counts from when the connection stood, `tls` is the version or blank."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    first_byte_seconds: float
    tls: str

    def __str__(self) -> str:
        return f"{self.status} {self.header('Content-Type')} (X-Cache: {self.header('X-Cache') or 'none'})"

    def header(self, name: str) -> str:
        """A header, blank if it is not there."""
        return self.headers.get(name.lower(), "")

    @property
    def is_hit(self) -> bool:
        """Whether the CDN had it."""
        return self.header("X-Cache").startswith(("Hit", "RefreshHit"))


def ask(url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply:
    """The answer to one request; `OSError` or `http.client.HTTPException` where there is none."""
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with closing(make(parts.hostname or "", parts.port, timeout=CONNECT_SECONDS)) as connection:
        connection.connect()
        connection.sock.settimeout(ANSWER_SECONDS)
        tls = str(connection.sock.version()) if isinstance(connection.sock, ssl.SSLSocket) else ""
        begun = time.monotonic()
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request(method, target, body, {"User-Agent": "bildwerk-smoke", **(headers or {})})
        answer = connection.getresponse()
        first = time.monotonic() - begun
        found: dict[str, str] = {}
        for name, value in answer.getheaders():
            found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
        content = answer.read(MAX_BODY_BYTES)
        return Reply(status=answer.status, headers=found, body=content, first_byte_seconds=first, tls=tls)


def until(look: Callable[[], Found | None], seconds: float, otherwise: Callable[[], str]) -> tuple[Found, float]:
    """What `look` finds at last, and after how many seconds; it is asked twice a second.

    Raises:
        Shortfall: it finds nothing for so long; `otherwise` says what there is instead.
    """
    begun = time.monotonic()
    while (found := look()) is None:
        if time.monotonic() - begun > seconds:
            raise Shortfall(f"{otherwise()}, for {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
    return found, time.monotonic() - begun


def require(claim: bool, otherwise: str) -> None:
    """Ends a step with what was seen, unless the claim holds."""
    if not claim:
        raise Shortfall(otherwise)
