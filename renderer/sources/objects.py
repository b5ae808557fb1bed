"""Sources in a store that speaks HTTP: what `gs://`, `abs://` and `swift://` share (spec 03 sections 4.6 to 4.8).

A fetch has one deadline over all attempts, from connecting to the last byte; a raw stream has the same time to its
headers and then for each wait for bytes. Answers that say "not now" are asked for again, three times in all. The object
is opened before conditional headers are judged here, because its answer has the validators that they are held against.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Final

import aiohttp

from renderer.errors import SourceError, SourceStatus, SourceTooLarge
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.buckets import check_bucket
from renderer.sources.budget import ByteBudget
from renderer.sources.byte_range import byte_range
from renderer.sources.http_body import announced_length, read_body, refuse_larger, streamed
from renderer.sources.http_errors import late_errors, origin_errors, store_errors
from renderer.sources.http_store import HttpStore
from renderer.sources.object_url import ObjectAddress, address_problem, object_address
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
from renderer.sources.text_answer import text_answer
from renderer.sources.validators import is_not_modified

_ATTEMPTS: Final = 3
_FIRST_PAUSE_SECONDS: Final = 0.1
_NOT_NOW: Final = frozenset({408, 429, 500, 502, 503, 504})
_ANY_SIZE: Final = 1 << 62
"""Stands for the size of an object that has not been asked for yet."""


class ObjectLoader:
    """Fetches objects of one store over one pool of connections."""

    def __init__(
        self,
        store: HttpStore,
        session: aiohttp.ClientSession,
        settings: SourceSettings,
        *,
        budget: ByteBudget | None = None,
        timeout_seconds: float | None = None,
        max_bytes_in_memory: int = DEFAULT_MAX_BYTES_IN_MEMORY,
    ) -> None:
        """Takes over `store` and `session`: `close` closes both.

        Args:
            store: what is asked.
            session: its connections.
            settings: the time limit, and what divides key and query.
            budget: bounds all bodies together; own and without a limit by default.
            timeout_seconds: stands in for the setting.
            max_bytes_in_memory: bounds an object whose request sets no limit.
        """
        self._store = store
        self._session = session
        self._query_separator = settings.source_url_query_separator
        self._timeout_seconds = settings.download_timeout_seconds if timeout_seconds is None else timeout_seconds
        self._max_bytes_in_memory = max_bytes_in_memory
        self._budget = budget or ByteBudget(0)

    async def fetch(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified:
        """The whole object, or the word that it has not changed.

        Raises:
            SourceError: or one of its kinds.
        """
        address = self._checked(url)
        if problem := address_problem(address):
            raise SourceStatus(f"Can't download source image: status: 404; {problem}", source_status=404)
        sent = _conditional(conditions) if self._store.rules.gets_client_headers else {}
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        response = await self._answer(address, sent, deadline)
        try:
            headers = self._store.source_headers(response.headers)
            if _is_current(response, headers, conditions):
                return NotModified(headers=_validators(headers))
            if response.status != 200:
                raise self._failure(address, response.status)
            bound = byte_bound(max_bytes, self._max_bytes_in_memory)
            _refuse_announced(response, headers, bound)
            lease = self._budget.lease()
            with late_errors(), origin_errors():
                async with asyncio.timeout_at(deadline) as clock:
                    data = await read_body(response, max_bytes=bound, lease=lease, clock=clock)
            return Source(data=data, url=url, headers=headers, lease=lease)
        finally:
            # What has come whole goes back to the pool, anything else is closed.
            response.release()

    async def stream(self, url: str, request: RawRequest) -> RawSource:
        """The object on its way through; raises as `fetch` does.

        Who judges conditional headers judges Range too. Here Range goes first, as with files (spec 03 section 4.6).
        """
        address = self._checked(url)
        if problem := address_problem(address):
            return text_answer(404, problem)
        try:
            sent = self._range_and_conditions(request)
        except ValueError:
            return text_answer(416)
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        response = await self._answer(address, sent, deadline)
        headers = self._store.source_headers(response.headers)
        if response.status not in (200, 206):
            response.release()
            return self._bodiless(address, response, headers)
        if "Range" not in sent and _is_current(response, headers, request.conditions):
            response.release()
            return text_answer(304, headers=_named(_validators(headers)))

        async def release() -> None:
            response.release()

        return RawSource(
            status=response.status,
            headers=_relayed(response.headers, headers),
            content_length=response.content_length,
            caching=headers,
            chunks=streamed(response, timeout_seconds=self._timeout_seconds),
            release=release,
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._store.close()
        await self._session.close()

    def _checked(self, url: str) -> ObjectAddress:
        address = object_address(url, query_separator=self._query_separator)
        check_bucket(address.container, self._store.rules.allowed, self._store.rules.denied)
        return address

    def _range_and_conditions(self, request: RawRequest) -> dict[str, str]:
        """The client's headers that the store gets; raises ValueError for a range that cannot be."""
        if self._store.rules.gets_client_headers:
            return _conditional(request.conditions) | ({"Range": value} if (value := writable(request.range)) else {})
        wanted = byte_range(request.range, size=_ANY_SIZE)
        if wanted is None:
            return {}
        last = "" if wanted.last == _ANY_SIZE - 1 else wanted.last
        return {"Range": f"bytes={wanted.first}-{last}"}

    async def _answer(
        self, address: ObjectAddress, headers: Mapping[str, str], deadline: float
    ) -> aiohttp.ClientResponse:
        """The answer that holds; the caller releases it."""
        with store_errors():
            async with asyncio.timeout_at(deadline):
                return await self._open(address, headers)

    async def _open(self, address: ObjectAddress, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        may_renew = True
        attempt = 1
        while True:
            request = await self._store.request(address, headers)
            try:
                response = await self._session.get(request.url, headers=request.headers, allow_redirects=False)
            except aiohttp.ClientConnectionError:
                if attempt == _ATTEMPTS:
                    raise
            else:
                if response.status == 401 and may_renew and self._store.renews(request):
                    may_renew = False
                    response.release()
                    continue
                if response.status not in _NOT_NOW or attempt == _ATTEMPTS:
                    return response
                response.release()
            await asyncio.sleep(_pause_seconds(attempt))
            attempt += 1

    def _bodiless(self, address: ObjectAddress, response: aiohttp.ClientResponse, headers: SourceHeaders) -> RawSource:
        """The raw answer to a store's answer without an object; raises SourceError if its status is not for clients."""
        status = response.status
        if status == 304:
            return text_answer(304, headers=_named(_validators(headers)))
        if status == 416:
            content_range = writable(response.headers.get("Content-Range"))
            return text_answer(416, headers={"Content-Range": content_range} if content_range else {})
        failure = self._failure(address, status)
        if not isinstance(failure, SourceStatus):
            raise failure
        return text_answer(status, _reason(address, status))

    def _failure(self, address: ObjectAddress, status: int) -> SourceError:
        text = f"Can't download source image: status: {status}; {_reason(address, status)}"
        if status == 404 or status >= 500 or (self._store.rules.relays_statuses and status >= 400):
            return SourceStatus(text, source_status=status)
        return SourceError(text)


def _refuse_announced(response: aiohttp.ClientResponse, headers: SourceHeaders, max_bytes: int) -> None:
    try:
        refuse_larger(announced_length(response), max_bytes)
    except SourceTooLarge as error:
        error.etag, error.last_modified = headers.etag, headers.last_modified
        raise


def _pause_seconds(attempt: int) -> float:
    # Spread out, so that requests that failed together do not come back together.
    return _FIRST_PAUSE_SECONDS * 4.0 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  no secret


def _conditional(conditions: Conditions) -> dict[str, str]:
    wanted = {"If-None-Match": conditions.if_none_match, "If-Modified-Since": conditions.if_modified_since}
    return {name: value for name, text in wanted.items() if (value := writable(text))}


def _is_current(response: aiohttp.ClientResponse, headers: SourceHeaders, conditions: Conditions) -> bool:
    return response.status == 304 or (response.status == 200 and is_not_modified(headers, conditions))


def _validators(headers: SourceHeaders) -> SourceHeaders:
    return SourceHeaders(etag=headers.etag, last_modified=headers.last_modified)


def _named(headers: SourceHeaders) -> dict[str, str]:
    wanted = {"Last-Modified": headers.last_modified, "ETag": headers.etag}
    return {name: value for name, value in wanted.items() if value}


def _relayed(sent: Mapping[str, str], headers: SourceHeaders) -> dict[str, str]:
    """What clients get of an answer's headers: validators as the store's rules make them."""
    found = {name: value for name in RELAYED_HEADERS if (value := writable(sent.get(name)))}
    found.pop("ETag", None)
    return found | {"Accept-Ranges": "bytes"} | _named(headers)


def _reason(address: ObjectAddress, status: int) -> str:
    # Raw answers show this text to clients: the store's own would name accounts.
    return f"/{address.key} doesn't exist" if status == 404 else f"/{address.key} can't be read"
