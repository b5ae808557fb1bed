"""Sources in a folder of this machine: `local://` (spec 03 sections 4.1, 4.5 and 4.6).

Whole files of moderate size are read at once if the kernel has them in memory: handing them to a thread and back costs
0.2 ms. Larger ones stay open for decoders that read them piece by piece. All others are opened and read in threads,
each step within the time limit of downloads. What is missing or cannot be read is 404 with a text that names the key
and nothing else of this machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from renderer.errors import SourceIncomplete, SourceTimeout
from renderer.formats import ImageFormat, detect
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.budget import ByteBudget, Lease
from renderer.sources.byte_range import byte_range
from renderer.sources.content_type import SNIFFED_BYTES, content_type
from renderer.sources.http_body import refuse_larger
from renderer.sources.local_errors import missing, reason
from renderer.sources.object_url import object_address
from renderer.sources.source import (
    DEFAULT_MAX_BYTES_IN_MEMORY,
    NotModified,
    RawRequest,
    RawSource,
    Source,
    SourceHeaders,
    byte_bound,
)
from renderer.sources.validators import file_headers, is_not_modified
from renderer.storage.cached_files import MAX_CACHED_BYTES, CachedFile, CachedFiles
from renderer.storage.filesystem import Filesystem, StoredFile
from renderer.storage.held_file import Encoded

T = TypeVar("T")

_CHUNK_BYTES: Final = 256 * 1024
_AT_ONCE_BYTES: Final = 16 * 1024
"""A file of an icon's size is opened and read in one step: a second one would cost as much as its picture."""
_READ_IN_PIECES: Final = frozenset({ImageFormat.JPEG, ImageFormat.PNG})
"""Formats whose decoders begin at the beginning and need no more than a few kilobytes at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a raw request gets: a part of an open file, or a short text."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    caching: SourceHeaders = field(default_factory=SourceHeaders)
    text: bytes = b""
    file: StoredFile | None = None
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A file with its validators: open, or closed if its bytes have been read already."""

    file: StoredFile
    headers: SourceHeaders
    data: bytes | None = None


class LocalLoader:
    """Reads sources below one folder."""

    def __init__(
        self,
        filesystem: Filesystem,
        settings: SourceSettings,
        *,
        cached: CachedFiles | None = None,
        executor: Executor | None = None,
        budget: ByteBudget | None = None,
        timeout_seconds: float | None = None,
        max_bytes_in_memory: int = DEFAULT_MAX_BYTES_IN_MEMORY,
    ) -> None:
        """Reads from `filesystem`, in threads of `executor` or else of the event loop's own pool.

        `cached` is the same folder as far as it can be read without a thread; without it all is read in threads.
        `budget` bounds all files in memory together; `timeout_seconds` stands in for the setting; `max_bytes_in_memory`
        bounds a file whose request sets no limit.
        """
        self._filesystem = filesystem
        self._cached = cached
        self._query_separator = settings.source_url_query_separator
        self._executor = executor
        self._budget = budget or ByteBudget(0)
        self._timeout_seconds = settings.download_timeout_seconds if timeout_seconds is None else timeout_seconds
        self._max_bytes_in_memory = max_bytes_in_memory

    async def fetch(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified:
        """The whole file, or the word that it has not changed; in threads, as what is at hand is `at_once`'s.

        Raises:
            SourceStatus: 404, there is no such file.
            SourceTooLarge: before a byte is read.
            SourceIncomplete: the file shrank while it was read.
            SourceTimeout: the disk did not answer in time.
        """
        key = self._key(url)
        bound = byte_bound(max_bytes, self._max_bytes_in_memory)
        lease = self._budget.lease()
        try:
            most_at_once = _AT_ONCE_BYTES if lease.try_grow(_AT_ONCE_BYTES) else 0
            opened = await self._in_thread(partial(self._found, key, conditions, (bound, most_at_once)), _close_found)
            if isinstance(opened, NotModified):
                lease.release()
                return opened
            data = opened.data
            if data is None:
                lease.release()
                data = await self._read(key, opened.file, lease)
        except BaseException:
            lease.release()
            raise
        lease.shrink_to(len(data))
        return Source(data=data, url=url, headers=opened.headers, lease=lease)

    def at_once(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified | None:
        """The answer of `fetch` if nothing has to be waited for, neither the disk nor room for the bytes.

        Raises:
            SourceTooLarge: before a byte is read.
        """
        key = self._key(url)
        file = self._cached.open(key) if self._cached else None
        if file is None:
            return None
        lease, data = self._budget.lease(), None
        try:
            with file:
                headers = file_headers(key, size=file.size, modified_ns=file.modified_ns)
                if is_not_modified(headers, conditions):
                    return NotModified(headers=headers)
                refuse_larger(file.size, byte_bound(max_bytes, self._max_bytes_in_memory))
                # A file that is held counts as if it were in memory: a decoder may want it whole.
                data = _now(file) if lease.try_grow(file.size) else None
        finally:
            if data is None:
                lease.release()
        return None if data is None else Source(data=data, url=url, headers=headers, lease=lease)

    async def _read(self, key: str, file: StoredFile, lease: Lease) -> bytes:
        """All bytes of an open file, as soon as there is room for them."""
        try:
            # The disk's clock does not run while there is no room.
            await lease.grow(file.size)
        except BaseException:
            file.close()
            raise
        return await self._in_thread(partial(_whole, key, file))

    async def stream(self, url: str, request: RawRequest) -> RawSource:
        """The file on its way through; what is missing is an answer with status 404 and a text."""
        answer = await self._in_thread(partial(self._answer, self._key(url), request), _close)
        return RawSource(
            status=answer.status,
            headers=answer.headers,
            content_length=answer.length if answer.file else len(answer.text),
            caching=answer.caching,
            chunks=self._chunks(answer),
            release=partial(self._let_go, answer),
        )

    async def close(self) -> None:
        """Does nothing: no file stays open between requests."""

    def _key(self, url: str) -> str:
        return object_address(url, query_separator=self._query_separator).key

    def _found(self, key: str, conditions: Conditions, bounds: tuple[int, int]) -> _Found | NotModified:
        """The file, open; it is closed in every other case.

        Args:
            key: of the file.
            conditions: under which its bytes are of interest.
            bounds: the largest that passes, and the largest that is read at once.
        """
        max_bytes, most_at_once = bounds
        if self._cached and self._cached.is_unknown:
            self._cached.learn()
        try:
            file = self._filesystem.open(key)
        except OSError as error:
            raise missing(key, error) from error
        headers = file_headers(key, size=file.size, modified_ns=file.modified_ns)
        try:
            if not is_not_modified(headers, conditions):
                refuse_larger(file.size, max_bytes)
                data = _whole(key, file) if file.size <= most_at_once else None
                return _Found(file=file, headers=headers, data=data)
        except BaseException:
            file.close()
            raise
        file.close()
        return NotModified(headers=headers)

    def _answer(self, key: str, request: RawRequest) -> _Answer:
        try:
            return self._opened(key, request)
        except OSError as error:
            return _Answer(status=404, headers={"Content-Type": "text/plain"}, text=reason(key, error).encode())

    def _opened(self, key: str, request: RawRequest) -> _Answer:
        file = self._filesystem.open(key)
        try:
            answer = _file_answer(key, file, request)
        except BaseException:
            file.close()
            raise
        if answer.file is None:
            file.close()
        return answer

    async def _chunks(self, answer: _Answer) -> AsyncIterator[bytes]:
        if answer.file is None:
            if answer.text:
                yield answer.text
            return
        offset, end = answer.offset, answer.offset + answer.length
        while offset < end:
            read = partial(answer.file.read_at, offset, min(_CHUNK_BYTES, end - offset))
            try:
                chunk = await self._in_thread(read)
            except OSError as error:
                raise SourceIncomplete(f"Source response is incomplete: {error}") from error
            if not chunk:
                raise SourceIncomplete("Source response is incomplete: the file shrank while it was read")
            offset += len(chunk)
            yield chunk

    async def _let_go(self, answer: _Answer) -> None:
        """Closes the file without waiting: a client that leaves with its last byte would cancel what waits."""
        if answer.file is not None:
            closing = asyncio.get_running_loop().run_in_executor(self._executor, answer.file.close)
            closing.add_done_callback(partial(_discard_result, None))

    async def _in_thread(self, function: Callable[[], T], discard: Callable[[T], None] | None = None) -> T:
        """What `function` returns; if nobody waits for it any more, `discard` gets it."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, function)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.shield(future)
        except (asyncio.CancelledError, TimeoutError) as error:
            future.add_done_callback(partial(_discard_result, discard))
            if isinstance(error, TimeoutError):
                raise SourceTimeout("Source timed out: the disk did not answer in time") from error
            raise


def _now(file: CachedFile) -> Encoded | None:
    """The file's bytes, or the file where that is enough for its decoder; None if the disk would have to be asked."""
    if file.size <= MAX_CACHED_BYTES:
        return file.read()
    held = file.held()
    if held is None or detect(held.head) in _READ_IN_PIECES:
        return held
    held.close()
    return None


def _whole(key: str, file: StoredFile) -> bytes:
    """All bytes of an open file, which is closed then."""
    with file:
        try:
            data = file.read_at(0, file.size)
        except OSError as error:
            raise missing(key, error) from error
    if len(data) < file.size:
        raise SourceIncomplete("Source response is incomplete: the file shrank while it was read")
    return data


def _file_answer(key: str, file: StoredFile, request: RawRequest) -> _Answer:
    """The answer for a file that is there; `file` is in it if its bytes are needed."""
    headers = {"Accept-Ranges": "bytes"}
    try:
        wanted = byte_range(request.range, size=file.size)
    except ValueError:
        return _Answer(status=416, headers={"Content-Range": f"bytes */{file.size}", **headers})
    head = file.read_at(0, SNIFFED_BYTES)
    if wanted is not None:
        # A part carries no validators: so it was recorded.
        headers = {
            "Content-Type": content_type(head, name=key),
            "Content-Range": f"bytes {wanted.first}-{wanted.last}/{file.size}",
            **headers,
        }
        return _Answer(status=206, headers=headers, file=file, offset=wanted.first, length=wanted.length)
    caching = file_headers(key, size=file.size, modified_ns=file.modified_ns)
    validators = {"Last-Modified": caching.last_modified or "", "ETag": caching.etag or ""}
    if is_not_modified(caching, request.conditions):
        return _Answer(status=304, headers=validators, caching=caching)
    headers = {"Content-Type": content_type(head, name=key), **headers, **validators}
    return _Answer(status=200, headers=headers, caching=caching, file=file, length=file.size)


def _close(answer: _Answer) -> None:
    if answer.file is not None:
        answer.file.close()


def _close_found(found: _Found | NotModified) -> None:
    if isinstance(found, _Found):
        found.file.close()


def _discard_result(discard: Callable[[T], None] | None, future: asyncio.Future[T]) -> None:
    if not future.cancelled() and future.exception() is None and discard is not None:
        discard(future.result())
