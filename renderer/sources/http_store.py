"""How a store that speaks HTTP is asked: the protocol that `gs`, `abs` and `swift` fulfil, and their connections.

Unlike http(s) sources, stores are chosen by whoever runs the server: no address guard stands before them, the
environment's proxies hold and `IMGPROXY_USER_AGENT` does not (spec 03 section 4.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

import aiohttp
from multidict import MultiMapping
from yarl import URL

from renderer.settings.sources import SourceSettings
from renderer.sources.object_url import ObjectAddress
from renderer.sources.source import SourceHeaders
from renderer.version import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRules:
    """What of a store's behaviour is no matter of code (spec 03 sections 4.6 and 4.8).

    Attributes:
        gets_client_headers: conditional and Range headers go to the store as they came; else they are judged here.
        relays_statuses: an error's status counts as the source's; else everything but 404 is a source out of reach.
        allowed: the buckets that may be read, all if there is none.
        denied: the buckets that may not.
    """

    gets_client_headers: bool = False
    relays_statuses: bool = False
    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRequest:
    """A GET with its credentials."""

    url: URL
    headers: Mapping[str, str] = field(repr=False)


class HttpStore(Protocol):
    """One kind of store."""

    @property
    def rules(self) -> StoreRules:
        """Who judges what."""

    async def request(self, address: ObjectAddress, headers: Mapping[str, str]) -> ObjectRequest:
        """The request for an object that sends `headers` too; raises SourceError if there are no credentials."""

    def renews(self, request: ObjectRequest) -> bool:
        """Whether a request that was answered 401 is worth another try, with new credentials."""

    def source_headers(self, headers: MultiMapping[str]) -> SourceHeaders:
        """What the headers of an answer say about validators and caching."""

    async def close(self) -> None:
        """Lets go of what credentials need."""


def open_session(
    settings: SourceSettings, *, connect_seconds: float | None = None, silence_seconds: float | None = None
) -> aiohttp.ClientSession:
    """A pool of connections to one store; it must be made while the event loop runs.

    Args:
        settings: TLS and how long idle connections are kept.
        connect_seconds: how long connecting may take; None leaves it to the request's deadline.
        silence_seconds: how long the store may send nothing; likewise.
    """
    keep_alive_seconds = settings.client_keep_alive_timeout_seconds
    connector = aiohttp.TCPConnector(
        limit=0,  # connections are as many as requests, which the server bounds
        ssl=not settings.ignore_ssl_verification,
        keepalive_timeout=keep_alive_seconds or None,
        force_close=not keep_alive_seconds,
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": f"bildwerk/{VERSION}"},
        # A store that is told of gzip would send objects that are stored so undecoded.
        skip_auto_headers=("Accept", "Accept-Encoding"),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds, sock_read=silence_seconds),
        trust_env=True,
    )


def quoted(text: str, *, safe: str = "") -> str:
    """A name as it stands in a URL's path."""
    return quote(text, safe=safe, errors="surrogateescape")
