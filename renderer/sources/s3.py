"""Sources in S3: `s3://bucket/key` (spec 03 sections 4.1, 4.6 and 4.7).

A fetch has one deadline over all of the SDK's attempts, from connecting to the last byte; a raw stream has the same
time to its headers and then for each wait for bytes. The bucket lists are held against the name in the URL. What an
error says is for the log: raw answers show its code only, because the text can name accounts and roles.

The module is imported when `s3://` is enabled, because the SDK takes 0.3 s to import.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # the SDK has no types

from renderer.errors import SourceStatus, SourceTooLarge
from renderer.response.validators import Conditions, parse_http_date
from renderer.settings.s3 import S3Settings
from renderer.settings.sources import SourceSettings
from renderer.sources.buckets import check_bucket
from renderer.sources.budget import ByteBudget, Lease
from renderer.sources.http_body import collect, gunzipped, refuse_larger
from renderer.sources.http_errors import late_errors
from renderer.sources.object_url import ObjectAddress, address_problem, object_address
from renderer.sources.s3_errors import answer_errors, body_errors
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
from renderer.storage.s3_answers import code_of, header_of, is_answer, region_of, status_of
from renderer.storage.s3_clients import S3Clients

_CHUNK_BYTES: Final = 256 * 1024
_NOT_MODIFIED: Final = 304


class S3Loader:
    """Fetches objects of buckets."""

    def __init__(
        self,
        settings: S3Settings,
        sources: SourceSettings,
        *,
        timeout_seconds: float | None = None,
        max_bytes_in_memory: int = DEFAULT_MAX_BYTES_IN_MEMORY,
        budget: ByteBudget | None = None,
    ) -> None:
        """Prepares the SDK and connects to nothing.

        Args:
            settings: where S3 is, as whom it is read and which buckets may be.
            sources: time limits, TLS and what divides key and version.
            timeout_seconds: stands in for the setting.
            max_bytes_in_memory: bounds an object whose request sets no limit.
            budget: bounds all sources together; own and without a limit by default.

        Raises:
            ConfigurationError: the settings ask for what is not there.
        """
        self._timeout_seconds = sources.download_timeout_seconds if timeout_seconds is None else timeout_seconds
        self._clients = S3Clients(
            settings,
            timeout_seconds=self._timeout_seconds,
            keep_alive_seconds=sources.client_keep_alive_timeout_seconds,
            verifies_tls=not sources.ignore_ssl_verification,
        )
        self._allowed, self._denied = settings.allowed_buckets, settings.denied_buckets
        self._access_points = dict(settings.access_points)
        self._query_separator = sources.source_url_query_separator
        self._max_bytes_in_memory = max_bytes_in_memory
        self._budget = budget or ByteBudget(0)

    async def fetch(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified:
        """The whole object, or the word that it has not changed; S3's 304 has no validators to pass on.

        Raises:
            SourceError: or one of its kinds.
        """
        address = self._checked(url)
        problem = _problem(address)
        if problem:
            raise SourceStatus(f"Can't download source image: status: 404; {problem}", source_status=404)
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        with answer_errors():
            try:
                async with asyncio.timeout_at(deadline):
                    found = await self._get(address, _conditional(conditions))
            except ClientError as error:
                if is_answer(error) and status_of(error) == _NOT_MODIFIED:
                    return NotModified(headers=SourceHeaders())
                raise
        headers = _source_headers(_headers(found))
        lease = self._budget.lease()
        async with found["Body"]:
            bound = byte_bound(max_bytes, self._max_bytes_in_memory)
            _refuse_announced(found, headers, bound)
            with late_errors(), body_errors():
                async with asyncio.timeout_at(deadline) as clock:
                    data = await _whole(found, bound, lease, clock)
        return Source(data=data, url=url, headers=headers, lease=lease)

    async def stream(self, url: str, request: RawRequest) -> RawSource:
        """S3's answer on its way through; an error is its status with its code for a body. Raises as `fetch` does."""
        address = self._checked(url)
        problem = _problem(address)
        if problem:
            return text_answer(404, problem)
        wanted = writable(request.range)
        parameters = {"Range": wanted} if wanted else _conditional(request.conditions)
        with answer_errors():
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    found = await self._get(address, parameters)
            except ClientError as error:
                if is_answer(error) and (status_of(error) == _NOT_MODIFIED or status_of(error) >= 400):
                    return _error_answer(error)
                raise
        headers = _headers(found)

        async def release() -> None:
            found["Body"].close()

        return RawSource(
            status=found["ResponseMetadata"]["HTTPStatusCode"],
            headers={name: value for name in RELAYED_HEADERS if (value := writable(headers.get(name.lower())))},
            content_length=found.get("ContentLength"),
            caching=_source_headers(headers),
            chunks=self._stream_chunks(found),
            release=release,
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._clients.close()

    def _checked(self, url: str) -> ObjectAddress:
        address = object_address(url, query_separator=self._query_separator)
        check_bucket(address.container, self._allowed, self._denied)
        return address

    async def _get(self, address: ObjectAddress, parameters: Mapping[str, object]) -> dict[str, Any]:
        """The SDK's answer, from the region that has the bucket: the first one that is asked knows which."""
        bucket = self._access_points.get(address.container, address.container)
        wanted = {"Bucket": bucket, "Key": address.key, **parameters}
        if address.query:
            wanted["VersionId"] = address.query
        region = self._clients.region(bucket)
        try:
            return await _object(await self._clients.client(region), wanted)
        except ClientError as error:
            other = region_of(error) if is_answer(error) else None
            if other is None or other == region:
                raise
        found = await _object(await self._clients.client(other), wanted)
        self._clients.remember(bucket, other)
        return found

    async def _stream_chunks(self, found: Mapping[str, Any]) -> AsyncIterator[bytes]:
        body = found["Body"]
        # The checksum is that of the whole object, which a part of it cannot match.
        read = body.raw_stream.content.read if found.get("ContentRange") else body.read
        while True:
            # The clock runs while we wait for S3, not while a slow client takes what we have.
            with body_errors():
                async with asyncio.timeout(self._timeout_seconds):
                    chunk = await read(_CHUNK_BYTES)
            if not chunk:
                return
            yield chunk


async def _object(client: Any, parameters: Mapping[str, object]) -> dict[str, Any]:  # noqa: ANN401  the SDK has no types
    found: dict[str, Any] = await client.get_object(**parameters)
    return found


def _announced(found: Mapping[str, Any]) -> int:
    """How many bytes will come; 0 if that is not known, as of what is to be decoded."""
    return 0 if found.get("ContentEncoding") == "gzip" else found.get("ContentLength") or 0


def _refuse_announced(found: Mapping[str, Any], headers: SourceHeaders, max_bytes: int) -> None:
    try:
        refuse_larger(_announced(found), max_bytes)
    except SourceTooLarge as error:
        error.etag, error.last_modified = headers.etag, headers.last_modified
        raise


async def _whole(found: Mapping[str, Any], max_bytes: int, lease: Lease, clock: asyncio.Timeout) -> bytes:
    chunks = _chunks(found["Body"])
    if found.get("ContentEncoding") == "gzip":
        chunks = gunzipped(chunks)
    return await collect(chunks, max_bytes=max_bytes, announced=_announced(found), lease=lease, clock=clock)


async def _chunks(body: Any) -> AsyncIterator[bytes]:  # noqa: ANN401  the SDK has no types
    """The bytes of a body; the SDK holds the last ones against length and checksum."""
    while chunk := await body.read(_CHUNK_BYTES):
        yield chunk


def _problem(address: ObjectAddress) -> str:
    """Why there is no such object; empty if there may be one."""
    try:
        (address.container + address.key + address.query).encode()
    except UnicodeEncodeError:
        return "a name that is no UTF-8"
    return address_problem(address)


def _conditional(conditions: Conditions) -> dict[str, object]:
    parameters: dict[str, object] = {}
    if none_match := writable(conditions.if_none_match):
        parameters["IfNoneMatch"] = none_match
    if since := parse_http_date(conditions.if_modified_since or ""):
        parameters["IfModifiedSince"] = since
    return parameters


def _headers(found: Mapping[str, Any]) -> Mapping[str, str]:
    headers: Mapping[str, str] = found["ResponseMetadata"]["HTTPHeaders"]
    return headers


def _source_headers(headers: Mapping[str, str]) -> SourceHeaders:
    return SourceHeaders(
        etag=writable(headers.get("etag")),
        last_modified=writable(headers.get("last-modified")),
        cache_control=writable(headers.get("cache-control")),
        expires=writable(headers.get("expires")),
        content_type=writable(headers.get("content-type")),
    )


def _error_answer(error: ClientError) -> RawSource:
    status = status_of(error)
    if status == _NOT_MODIFIED:
        return text_answer(status)
    content_range = writable(header_of(error, "content-range"))
    return text_answer(status, code_of(error), {"Content-Range": content_range} if content_range else {})
