"""Sources on http(s) origins (spec 03 sections 4.2, 4.3 and 2.13).

A fetch has one deadline from connecting to the last byte; a raw stream has the same time to its headers and then for
each wait for bytes. Redirects are followed here, not by aiohttp, because each hop passes the allow-list, the breaker of
its origin and the address guard. Requests are HTTP/1.1; aiohttp speaks no HTTP/2.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Hashable, Mapping
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import MultiMapping

from renderer.errors import SourceError, SourceStatus, SourceTooLarge
from renderer.response.validators import Conditions
from renderer.settings.headers import HeaderSettings
from renderer.settings.proxies import ProxySettings
from renderer.settings.sources import SourceSettings
from renderer.sources.breaker import OriginBreakers
from renderer.sources.budget import ByteBudget
from renderer.sources.connections import Connections
from renderer.sources.cookies import Cookies, cookie_header
from renderer.sources.guard import AddressGuard, GuardedResolver
from renderer.sources.http_body import announced_length, read_body, refuse_larger, streamed
from renderer.sources.http_errors import brief, late_errors, origin_errors
from renderer.sources.proxies import Proxies
from renderer.sources.redirects import REDIRECT_STATUSES, Hop, carrying, first_hop, next_hop
from renderer.sources.request_headers import HeaderRules
from renderer.sources.source import (
    ANONYMOUS,
    DEFAULT_MAX_BYTES_IN_MEMORY,
    RELAYED_HEADERS,
    ClientRequest,
    NotModified,
    RawRequest,
    RawSource,
    Source,
    SourceHeaders,
    byte_bound,
    writable,
)

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
        headers: HeaderSettings | None = None,
        proxies: ProxySettings | None = None,
        resolver: AbstractResolver | None = None,
        breakers: OriginBreakers | None = None,
        budget: ByteBudget | None = None,
        timeout_seconds: float | None = None,
        max_bytes_in_memory: int = DEFAULT_MAX_BYTES_IN_MEMORY,
    ) -> None:
        """Opens the pool.

        Args:
            settings: time limits, redirects, User-Agent, TLS and which addresses are open.
            check_source: called with the URL of every redirect; raises SourceNotAllowed. The first URL of a fetch is
                the caller's to check, because not all sources are subject to the allow-list.
            headers: what is added to requests and passed on from answers; nothing by default.
            proxies: none by default.
            resolver: looks names up; the system's by default.
            breakers: of the origins; own ones by default.
            budget: bounds all bodies together; own and without a limit by default.
            timeout_seconds: stands in for the setting.
            max_bytes_in_memory: bounds a body whose request sets no limit.
        """
        guard = AddressGuard(settings)
        self._resolver = GuardedResolver(resolver or aiohttp.ThreadedResolver(), guard)
        self._connections = Connections(settings, guard, self._resolver)
        self._proxies = Proxies(proxies or ProxySettings())
        self._rules = HeaderRules(headers or HeaderSettings(), settings)
        self._breakers = breakers or OriginBreakers(settings, timeout_seconds=timeout_seconds)
        self._budget = budget or ByteBudget(0)
        self._check_source = check_source
        self._max_redirects = settings.max_redirects
        self._timeout_seconds = settings.download_timeout_seconds if timeout_seconds is None else timeout_seconds
        self._max_bytes_in_memory = max_bytes_in_memory

    async def fetch(
        self, url: str, *, conditions: Conditions, max_bytes: int, client: ClientRequest = ANONYMOUS
    ) -> Source | NotModified:
        """The whole source, or the word that it has not changed.

        Raises:
            SourceError: or one of its kinds; SourceNotAllowed for a redirect that the allow-list refuses.
        """
        hop, headers = self._first(url, client, _conditional(conditions), sends_extra=True)
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        response = await self._open(hop, headers, deadline)
        try:
            return await self._received(response, byte_bound(max_bytes, self._max_bytes_in_memory), deadline)
        finally:
            # After the whole body this does nothing: the connection is back in the pool.
            response.close()

    def audience(self, client: ClientRequest) -> Hashable:
        """What of the client's request goes on to origins."""
        return self._rules.audience(client)

    async def stream(self, url: str, request: RawRequest, *, client: ClientRequest = ANONYMOUS) -> RawSource:
        """The origin's answer on its way through, error answers included; raises as `fetch` does."""
        asked = {
            **_conditional(request.conditions),
            "Accept-Encoding": request.accept_encoding,
            "Range": request.range,
        }
        hop, headers = self._first(url, client, asked, sends_extra=False)
        response = await self._open(hop, headers, asyncio.get_running_loop().time() + self._timeout_seconds)
        if response.status < 200:
            response.close()
            raise SourceStatus(f"Source switches protocols: status: {response.status}", source_status=response.status)

        async def release() -> None:
            response.close()

        return RawSource(
            status=response.status,
            headers=_relayed(response.headers),
            content_length=None if response.status in _BODILESS else response.content_length,
            caching=self._source_headers(response.headers),
            chunks=streamed(response, timeout_seconds=self._timeout_seconds),
            release=release,
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._connections.close()
        await self._resolver.close()

    def _first(
        self, url: str, client: ClientRequest, own: Mapping[str, str | None], *, sends_extra: bool
    ) -> tuple[Hop, Mapping[str, str]]:
        """The first request, and the headers that all requests of the fetch have."""
        hop = first_hop(url)
        headers = self._rules.request(hop.url, client, own, sends_extra=sends_extra)
        return carrying(hop, headers), headers.repeated

    async def _open(self, hop: Hop, headers: Mapping[str, str], deadline: float) -> aiohttp.ClientResponse:
        """The first answer that is no redirect; the caller closes it."""
        cookies = aiohttp.CookieJar(unsafe=True)  # unsafe: hosts that are addresses may have cookies too
        for followed in range(self._max_redirects + 1):
            response = await self._request(hop, headers, cookies, deadline)
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
        self, hop: Hop, headers: Mapping[str, str], cookies: aiohttp.CookieJar, deadline: float
    ) -> aiohttp.ClientResponse:
        sent = {**headers, **hop.headers}
        cookie = writable(cookie_header(_cookies(hop, cookies)))
        if cookie is not None:
            sent["Cookie"] = cookie
        proxy = self._proxies.for_url(hop.url)
        with self._breakers.asking(str(hop.url.origin())) as inquiry:
            with origin_errors():
                async with asyncio.timeout_at(deadline):
                    if proxy is not None:
                        await self._resolver.check_host(hop.url.raw_host or "", hop.url.port or 0)
                    response = await self._connections.get(hop.url, sent, proxy)
            inquiry.answered(response.status)
        return response

    async def _received(
        self, response: aiohttp.ClientResponse, max_bytes: int, deadline: float
    ) -> Source | NotModified:
        headers = self._source_headers(response.headers)
        if response.status == 304:
            return NotModified(headers=headers)
        if response.status != 200 and not _is_whole_range(response):
            raise SourceStatus(
                f"Can't download source image: status: {response.status}; {await _excerpt(response)}",
                source_status=response.status,
            )
        try:
            refuse_larger(announced_length(response), max_bytes)
        except SourceTooLarge as error:
            error.etag, error.last_modified = headers.etag, headers.last_modified
            raise
        lease = self._budget.lease()
        with late_errors(), origin_errors():
            async with asyncio.timeout_at(deadline) as clock:
                data = await read_body(response, max_bytes=max_bytes, lease=lease, clock=clock)
        return Source(data=data, url=str(response.url), headers=headers, lease=lease)

    def _source_headers(self, headers: MultiMapping[str]) -> SourceHeaders:
        return SourceHeaders(
            etag=writable(headers.get("ETag")),
            last_modified=writable(headers.get("Last-Modified")),
            cache_control=writable(headers.get("Cache-Control")),
            expires=writable(headers.get("Expires")),
            content_type=writable(headers.get("Content-Type")),
            date=headers.get("Date"),
            age=headers.get("Age"),
            passed=self._rules.passed(headers),
        )


def _conditional(conditions: Conditions) -> dict[str, str | None]:
    return {"If-None-Match": conditions.if_none_match, "If-Modified-Since": conditions.if_modified_since}


def _cookies(hop: Hop, jar: aiohttp.CookieJar) -> Cookies:
    """The client's cookies and those of redirects, which are newer."""
    newer = {name: morsel.coded_value for name, morsel in jar.filter_cookies(hop.url).items()}
    return (*((name, value) for name, value in hop.cookies if name not in newer), *newer.items())


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
        return f"(its body cannot be read: {brief(error)})"
    return body.decode("utf-8", "replace")
