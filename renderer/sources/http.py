"""Sources on http(s) origins (spec 03 sections 4.2, 4.3 and 2.13).

A fetch has one deadline from connecting to the last byte; a raw stream has the same time to its headers and then for
each wait for bytes. Redirects are followed here, not by aiohttp, because each hop passes the allow-list and the address
guard. The environment's proxies are ignored: behind one, the guard would see the proxy's address only. Requests are
HTTP/1.1; aiohttp speaks no HTTP/2.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver

from renderer.errors import (
    SourceAddressForbidden,
    SourceError,
    SourceIncomplete,
    SourceStatus,
    SourceTimeout,
)
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.guard import AddressGuard, AddressRefused, GuardedResolver
from renderer.sources.http_body import read_body
from renderer.sources.redirects import REDIRECT_STATUSES, Hop, first_hop, next_hop
from renderer.sources.source import (
    DEFAULT_MAX_BYTES_IN_MEMORY,
    RELAYED_HEADERS,
    NotModified,
    RawRequest,
    RawSource,
    Source,
    SourceHeaders,
    byte_bound,
    writable,
)
from renderer.version import IMGPROXY_VERSION

_MAX_HEADER_BYTES: Final = 64 * 1024
_ERROR_CHARACTERS: Final = 300
_EXCERPT_BYTES: Final = 1024
_EXCERPT_SECONDS: Final = 0.5
_WHOLE_RANGE: Final = re.compile(r"bytes 0-([0-9]{1,18})/([0-9]{1,18}|\*)")
_BODILESS: Final = frozenset({204, 304})


class HttpLoader:
    """Fetches http(s) sources over one pool of connections. It must be made while the event loop runs."""

    def __init__(
        self,
        settings: SourceSettings,
        *,
        check_source: Callable[[str], None],
        resolver: AbstractResolver | None = None,
        timeout_seconds: float | None = None,
        max_bytes_in_memory: int = DEFAULT_MAX_BYTES_IN_MEMORY,
    ) -> None:
        """Opens the pool.

        Args:
            settings: time limits, redirects, User-Agent, TLS and which addresses are open.
            check_source: called with the URL of every redirect; raises SourceNotAllowed. The first URL of a fetch is
                the caller's to check, because not all sources are subject to the allow-list.
            resolver: looks names up; the system's by default.
            timeout_seconds: stands in for the setting.
            max_bytes_in_memory: bounds a body whose request sets no limit.
        """
        guard = AddressGuard(settings)
        keep_alive_seconds = settings.client_keep_alive_timeout_seconds
        self._resolver = GuardedResolver(resolver or aiohttp.ThreadedResolver(), guard)
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            socket_factory=guard.open_socket,
            limit=0,  # connections are as many as requests, which the server bounds
            ssl=not settings.ignore_ssl_verification,
            keepalive_timeout=keep_alive_seconds or None,
            force_close=not keep_alive_seconds,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": settings.user_agent.replace("%current_version", IMGPROXY_VERSION)},
            skip_auto_headers=("Accept", "Accept-Encoding"),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        self._check_source = check_source
        self._max_redirects = settings.max_redirects
        self._timeout_seconds = settings.download_timeout_seconds if timeout_seconds is None else timeout_seconds
        self._max_bytes_in_memory = max_bytes_in_memory

    async def fetch(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified:
        """The whole source, or the word that it has not changed.

        Raises:
            SourceError: or one of its kinds; SourceNotAllowed for a redirect that the allow-list refuses.
        """
        headers = _request_headers(conditions)
        with _origin_errors():
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._open(url, headers)
                try:
                    return await self._received(response, byte_bound(max_bytes, self._max_bytes_in_memory))
                finally:
                    # After the whole body this does nothing: the connection is back in the pool.
                    response.close()

    async def stream(self, url: str, request: RawRequest) -> RawSource:
        """The origin's answer on its way through, error answers included; raises as `fetch` does."""
        headers = _request_headers(
            request.conditions, **{"Accept-Encoding": request.accept_encoding, "Range": request.range}
        )
        with _origin_errors():
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._open(url, headers)
        if response.status < 200:
            response.close()
            raise SourceStatus(f"Source switches protocols: status: {response.status}", source_status=response.status)

        async def release() -> None:
            response.close()

        return RawSource(
            status=response.status,
            headers=_relayed(response.headers),
            content_length=None if response.status in _BODILESS else response.content_length,
            caching=_source_headers(response.headers),
            chunks=self._chunks(response),
            release=release,
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()
        await self._resolver.close()

    async def _open(self, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """The first answer that is no redirect; the caller closes it."""
        hop = first_hop(url)
        cookies = aiohttp.CookieJar(unsafe=True)  # unsafe: hosts that are addresses may have cookies too
        for followed in range(self._max_redirects + 1):
            response = await self._request(hop, headers, cookies)
            location = _location(response)
            if location is None:
                return response
            response.close()
            if followed == self._max_redirects:
                break
            cookies.update_cookies_from_headers(response.headers.getall("Set-Cookie", ()), hop.url)
            hop = next_hop(hop, location)
            self._check_source(str(hop.url))
        raise SourceError(f"Source redirects more than {self._max_redirects} times")

    async def _request(
        self, hop: Hop, headers: Mapping[str, str], cookies: aiohttp.CookieJar
    ) -> aiohttp.ClientResponse:
        sent = {**headers, **hop.headers}
        replayed = cookies.filter_cookies(hop.url)
        cookie = writable("; ".join(f"{name}={morsel.coded_value}" for name, morsel in replayed.items()))
        if cookie:
            sent["Cookie"] = cookie
        return await self._session.get(hop.url, headers=sent, allow_redirects=False)

    async def _received(self, response: aiohttp.ClientResponse, max_bytes: int) -> Source | NotModified:
        headers = _source_headers(response.headers)
        if response.status == 304:
            return NotModified(headers=headers)
        if response.status != 200 and not _is_whole_range(response):
            raise SourceStatus(
                f"Can't download source image: status: {response.status}; {await _excerpt(response)}",
                source_status=response.status,
            )
        return Source(data=await read_body(response, max_bytes=max_bytes), url=str(response.url), headers=headers)

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        while True:
            # The clock runs while we wait for the origin, not while a slow client takes what we have.
            with _origin_errors():
                async with asyncio.timeout(self._timeout_seconds):
                    chunk = await response.content.readany()
            if not chunk:
                return
            yield chunk


@contextmanager
def _origin_errors() -> Generator[None]:
    """Turns what aiohttp raises into what a request can end with."""
    try:
        yield
    except TimeoutError as error:
        raise SourceTimeout(f"Source timed out: {_brief(error)}") from error
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, AddressRefused):
            raise SourceAddressForbidden(f"Source address is not allowed: {error.host}") from error
        if isinstance(error.os_error, TimeoutError):
            raise SourceTimeout(f"Source timed out: {_brief(error)}") from error
        raise SourceError(f"Can't connect to source: {_brief(error)}") from error
    except aiohttp.ClientPayloadError as error:
        raise SourceIncomplete(f"Source response is incomplete: {_brief(error)}") from error
    except aiohttp.ClientError as error:
        raise SourceError(f"Can't download source image: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    """What an error says: not its repr, which has the request's headers, and not all of a body that it may quote."""
    return f"{type(error).__name__}: {str(error)[:_ERROR_CHARACTERS]}"


def _request_headers(conditions: Conditions, **others: str | None) -> dict[str, str]:
    wanted = {
        "If-None-Match": conditions.if_none_match,
        "If-Modified-Since": conditions.if_modified_since,
        **others,
    }
    return {name: value for name, text in wanted.items() if (value := writable(text)) is not None}


def _source_headers(headers: Mapping[str, str]) -> SourceHeaders:
    return SourceHeaders(
        etag=writable(headers.get("ETag")),
        last_modified=writable(headers.get("Last-Modified")),
        cache_control=writable(headers.get("Cache-Control")),
        expires=writable(headers.get("Expires")),
        content_type=writable(headers.get("Content-Type")),
    )


def _relayed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name in RELAYED_HEADERS if (value := writable(headers.get(name))) is not None}


def _location(response: aiohttp.ClientResponse) -> str | None:
    return (response.headers.get("Location") or None) if response.status in REDIRECT_STATUSES else None


def _is_whole_range(response: aiohttp.ClientResponse) -> bool:
    """Whether this is a 206 that nobody asked for and that has the whole file after all."""
    match = _WHOLE_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status != 206 or match is None:
        return False
    size = int(match[1]) + 1
    if match[2] == "*":
        return response.content_length == size
    return int(match[2]) == size and response.content_length in (None, size)


async def _excerpt(response: aiohttp.ClientResponse) -> str:
    """The beginning of an error page, for the log; it is not worth waiting long for."""
    if not response.content_type.startswith("text/"):
        return ""
    try:
        async with asyncio.timeout(_EXCERPT_SECONDS):
            body = await response.content.read(_EXCERPT_BYTES)
    except (TimeoutError, aiohttp.ClientError) as error:
        return f"(its body cannot be read: {_brief(error)})"
    return body.decode("utf-8", "replace")
