"""The SDK's HTTP session with two rules of ours: redirects are not followed, and error bodies are bounded.

aiohttp would follow a redirect without a new signature; to S3 it means "ask another region", which the loader does.
The SDK reads the body of an error whole, however long it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession  # type: ignore[import-untyped]  # the SDK has no types

_ERROR_BYTES: Final = 64 * 1024
"""S3's error documents have some hundred bytes; the rest of a longer one is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShortAnswer:
    """An answer without a picture, with as much of it as the SDK reads of an aiohttp response."""

    url: object
    status: int
    raw_headers: object
    body: bytes = field(repr=False)

    async def read(self) -> bytes:
        """The body's beginning."""
        return self.body

    def close(self) -> None:
        """Does nothing: the connection is free already."""


class _Requests:
    """What the SDK uses of an aiohttp session."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(self, method: str, **options: Any) -> aiohttp.ClientResponse | _ShortAnswer:  # noqa: ANN401  the SDK's own
        """The answer to one request."""
        response = await self._session.request(method, allow_redirects=False, **options)
        if response.status < 300:
            return response
        try:
            body = await _beginning(response)
        finally:
            # After the whole body this does nothing: the connection is back in the pool.
            response.close()
        return _ShortAnswer(url=response.url, status=response.status, raw_headers=response.raw_headers, body=body)


class WireSession(AIOHTTPSession):  # type: ignore[misc]  # the SDK has no types
    """The SDK's session over `_Requests`."""

    async def _get_session(self, proxy_url: str | None) -> _Requests:
        return _Requests(await super()._get_session(proxy_url))


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while len(body) < _ERROR_BYTES and (chunk := await response.content.readany()):
        body += chunk
    return bytes(body[:_ERROR_BYTES])
