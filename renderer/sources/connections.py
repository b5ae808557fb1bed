"""The connections to http(s) origins: direct ones behind the address guard, and ones to a proxy.

A kept connection can be closed by the origin in the moment in which it is used again. Such a request is sent once more,
on a connection that nobody has used, because that says nothing about the origin. Nothing else is repeated here: aiohttp
would also repeat what failed on a new connection, so errors of that kind are hidden from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.abc import AbstractResolver
from yarl import URL

from renderer.settings.sources import SourceSettings
from renderer.sources.guard import AddressGuard
from renderer.sources.proxies import Proxy
from renderer.version import IMGPROXY_VERSION

_MAX_HEADER_BYTES: Final = 64 * 1024


class OriginHungUp(aiohttp.ClientConnectionError):
    """The connection broke before an answer came."""


@dataclass(slots=True)
class _Attempt:
    """One request on one connection."""

    reuses_connection: bool = False


class Connections:
    """A pool of direct connections and one of connections to proxies. It must be made while the event loop runs."""

    def __init__(
        self,
        settings: SourceSettings,
        guard: AddressGuard,
        resolver: AbstractResolver,
        *,
        connect_seconds: float | None = None,
    ) -> None:
        """`resolver` answers with allowed addresses only; proxies are looked up by the system's.

        `connect_seconds` bounds look-up, connection and TLS together; without it the caller's deadline does.
        """
        self._settings = settings
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_seconds, sock_connect=None)
        self._guard = guard
        self._resolver = resolver
        # A proxy is the operator's choice: the guard is for what the client chooses.
        self._proxy_resolver = aiohttp.ThreadedResolver()
        self._kept = {is_direct: self._session(is_direct=is_direct, keeps=True) for is_direct in (True, False)}
        self._fresh = {is_direct: self._session(is_direct=is_direct, keeps=False) for is_direct in (True, False)}

    async def get(self, url: URL, headers: Mapping[str, str], proxy: Proxy | None) -> ClientResponse:
        """The answer to a GET, redirect or not; raises what aiohttp raises."""
        attempt = _Attempt()
        try:
            return await _sent(self._kept[proxy is None], url, headers, proxy=proxy, attempt=attempt)
        except OriginHungUp as error:
            if not attempt.reuses_connection or not _is_without_answer(error):
                raise
        return await _sent(self._fresh[proxy is None], url, headers, proxy=proxy, attempt=attempt)

    async def close(self) -> None:
        """Closes all connections."""
        for session in (*self._kept.values(), *self._fresh.values()):
            await session.close()
        await self._proxy_resolver.close()

    def _session(self, *, is_direct: bool, keeps: bool) -> aiohttp.ClientSession:
        settings = self._settings
        keep_alive_seconds = settings.client_keep_alive_timeout_seconds if keeps else 0
        connector = aiohttp.TCPConnector(
            resolver=self._resolver if is_direct else self._proxy_resolver,
            socket_factory=self._guard.open_socket if is_direct else None,
            limit=0,  # connections are as many as requests, which the server bounds
            ssl=not settings.ignore_ssl_verification,
            keepalive_timeout=keep_alive_seconds or None,
            force_close=not keep_alive_seconds,
        )
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": settings.user_agent.replace("%current_version", IMGPROXY_VERSION)},
            skip_auto_headers=("Accept", "Accept-Encoding"),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            trust_env=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
            middlewares=(_once,),
            trace_configs=[tracing] if keeps else None,
        )


async def _sent(
    session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str], *, proxy: Proxy | None, attempt: _Attempt
) -> ClientResponse:
    if proxy is None:
        return await session.get(url, headers=headers, allow_redirects=False, trace_request_ctx=attempt)
    ours = {} if proxy.authorization is None else {"Proxy-Authorization": proxy.authorization}
    # A tunnel has a head of its own; without one the request's head is the proxy's.
    return await session.get(
        url,
        headers=headers if url.scheme == "https" else {**headers, **ours},
        proxy=proxy.url,
        proxy_headers=ours,
        allow_redirects=False,
        trace_request_ctx=attempt,
    )


async def _note_reuse(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:  # noqa: ANN401
    context.trace_request_ctx.reuses_connection = True


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keeps aiohttp from repeating the request: it does not do that for errors that it does not know."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise OriginHungUp(str(error)) from error


def _is_without_answer(error: OriginHungUp) -> bool:
    """Whether not even a part of an answer's head came."""
    cause = error.__cause__
    # aiohttp puts there what it has of the head, or its own sentence.
    return not isinstance(cause, aiohttp.ServerDisconnectedError) or isinstance(cause.message, str)
