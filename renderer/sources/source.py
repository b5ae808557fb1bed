"""What a fetch is asked for and what it brings back: values, and the protocol that every kind of source fulfils.

Validators and Cache-Control travel beside the bytes because this server relays them and makes none of its own
(spec 03 section 2.8).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol, Self, runtime_checkable

from msgspec import Struct

from renderer.response.validators import Conditions
from renderer.sources.budget import NO_LEASE, Lease
from renderer.storage.held_file import Encoded, HeldFile

RELAYED_HEADERS: Final = (
    "Content-Type",
    "Content-Encoding",
    "Content-Range",
    "Accept-Ranges",
    "Last-Modified",
    "ETag",
)
"""What a raw answer takes over from its source, Content-Length aside (spec 03 section 2.13)."""

DEFAULT_MAX_BYTES_IN_MEMORY: Final = 512 * 1024 * 1024
"""The bound of a body when no limit is set: memory stays finite whatever an origin sends."""

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

# A header with a control character or a stray byte cannot be written again by aiohttp: it would fail the response.
_WRITABLE: Final = re.compile(r"[\t\x20-\x7e\x80-\ud7ff\ue000-\U0010ffff]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """The client's headers that a raw answer depends on (spec 03 section 2.13)."""

    range: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    accept_encoding: str | None = None

    @property
    def conditions(self) -> Conditions:
        """The conditional part of it."""
        return Conditions(if_none_match=self.if_none_match, if_modified_since=self.if_modified_since)


class ClientRequest(Struct, frozen=True, kw_only=True):
    """What an http(s) source may be told of the request that needs it.

    Attributes:
        headers: the client's, in whatever case; what of them goes on is the settings' decision.
        extra_headers: of this server's own making, for instance `traceparent`; not for raw requests.
    """

    headers: Mapping[str, str] = NOTHING
    extra_headers: Mapping[str, str] = NOTHING

    def __repr__(self) -> str:
        """Without the headers, in which there are secrets."""
        return f"ClientRequest({len(self.headers)} headers)"


ANONYMOUS: Final = ClientRequest()
"""Nothing is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHeaders:
    """The source's headers that decide about caching and type, the first of each name.

    `passed` are those that `IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH` asks for, under the names that it has.
    """

    etag: str | None = None
    last_modified: str | None = None
    cache_control: str | None = None
    expires: str | None = None
    content_type: str | None = None
    date: str | None = field(default=None, compare=False)
    age: str | None = field(default=None, compare=False)
    passed: Mapping[str, str] = field(default_factory=dict)


class Source(Struct, frozen=True, kw_only=True, eq=False):
    """A whole source.

    Attributes:
        data: its bytes, or the file that has them.
        url: where the bytes came from in the end, after redirects, without credentials.
        headers: what the source said of it.
        lease: the room that the bytes have in the memory's budget.
    """

    data: Encoded
    url: str
    headers: SourceHeaders
    lease: Lease = NO_LEASE

    def __repr__(self) -> str:
        """Without its bytes."""
        return f"Source({self.url!r}, {len(self.data)} bytes)"

    def release(self) -> None:
        """Gives back what the source holds; whoever has it does so when done. May be called more than once."""
        self.lease.release()
        if isinstance(self.data, HeldFile):
            self.data.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """The source, asked at that Unix time, says that what the client has is current."""

    headers: SourceHeaders
    asked_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSource:
    """A source on its way through, whatever its status; an async context manager that lets go of the connection.

    `headers` are those of `RELAYED_HEADERS` that the source has, in that order. `chunks` ends with the body and raises
    a SourceError when the body is cut short or stalls.
    """

    status: int
    headers: Mapping[str, str]
    content_length: int | None
    caching: SourceHeaders
    chunks: AsyncIterator[bytes] = field(repr=False)
    release: Callable[[], Awaitable[None]] = field(repr=False)

    async def aclose(self) -> None:
        """Lets go of the connection or the file; may be called more than once."""
        await self.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()


class SourceLoader(Protocol):
    """One kind of source."""

    async def fetch(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified:
        """The whole source, at most `max_bytes` of it; 0 sets no limit but the memory's."""

    async def stream(self, url: str, request: RawRequest) -> RawSource:
        """The source as it is, body and status alike; the caller closes it."""

    async def close(self) -> None:
        """Frees connections."""


@runtime_checkable
class PromptLoader(SourceLoader, Protocol):
    """One that may have the source without waiting."""

    def at_once(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified | None:
        """The answer of `fetch`, whose errors it raises; None if that has to wait for anything."""


def writable(value: str | None) -> str | None:
    """The header value if it can be written on a wire, else None."""
    return value if value is not None and _WRITABLE.fullmatch(value) else None


def byte_bound(max_bytes: int, max_bytes_in_memory: int) -> int:
    """The limit that holds: the request's own, else the memory's. A negative one refuses everything (spec 03 §8)."""
    return max_bytes or max_bytes_in_memory
