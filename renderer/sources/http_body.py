"""An origin's body -> bytes, never more of them than the limit and the memory's budget allow.

The limit counts decoded bytes: `Content-Encoding: gzip`, spelled exactly so, is decoded although nobody asked for it;
any other encoding is left as it is (spec 03 section 4.2). Room for the bytes is taken before they are read; an
announced length is believed up to a few megabytes and earned beyond that, so an origin that only promises bytes takes
no room from others.
"""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

from aiohttp import ClientResponse

from renderer.errors import SourceError, SourceIncomplete, SourceTooLarge
from renderer.sources.budget import NO_LEASE, Lease
from renderer.sources.http_errors import origin_errors

_SLICE_BYTES: Final = 256 * 1024
"""How much one step of decoding may produce: about a millisecond of the event loop."""

_GZIP_WINDOW: Final = 31

_BELIEVED_BYTES: Final = 16 * 1024 * 1024
"""Up to here an announced length gets its room at once, which nearly every picture needs only once then."""

_LEAST_STEP_BYTES: Final = 64 * 1024
_LARGEST_STEP_BYTES: Final = 4 * 1024 * 1024


async def read_body(
    response: ClientResponse, *, max_bytes: int, lease: Lease = NO_LEASE, clock: asyncio.Timeout | None = None
) -> bytes:
    """The decoded body; `lease` and `clock` are those of `collect`.

    Raises:
        SourceTooLarge: it is announced to be, or is, larger than `max_bytes`; exactly `max_bytes` pass.
        SourceIncomplete: the gzip stream stops before its end. A body cut short raises what aiohttp raises.
        SourceError: the gzip stream is damaged.
    """
    chunks = response.content.iter_any()
    if response.headers.get("Content-Encoding") == "gzip":
        return await collect(gunzipped(chunks), max_bytes=max_bytes, lease=lease, clock=clock)
    announced = announced_length(response)
    refuse_larger(announced, max_bytes)
    return await collect(chunks, max_bytes=max_bytes, announced=announced, lease=lease, clock=clock)


def announced_length(response: ClientResponse) -> int:
    """How many bytes the answer says that its decoded body has; 0 if it does not say."""
    return 0 if response.headers.get("Content-Encoding") == "gzip" else response.content_length or 0


async def streamed(response: ClientResponse, *, timeout_seconds: float) -> AsyncIterator[bytes]:
    """The body as it comes, undecoded; no wait for the next bytes takes longer than the time limit.

    Raises:
        SourceError: the body stalls or is cut short.
    """
    while True:
        # The clock runs while we wait for the origin, not while a slow client takes what we have.
        with origin_errors():
            async with asyncio.timeout(timeout_seconds):
                chunk = await response.content.readany()
        if not chunk:
            return
        yield chunk


def refuse_larger(size: int, max_bytes: int) -> None:
    """Raises SourceTooLarge if `size` bytes are over the limit."""
    if size > max_bytes:
        raise SourceTooLarge(f"Source file is too big: over {max_bytes} bytes")


async def collect(
    chunks: AsyncIterator[bytes],
    *,
    max_bytes: int,
    announced: int = 0,
    lease: Lease = NO_LEASE,
    clock: asyncio.Timeout | None = None,
) -> bytes:
    """All chunks in one object.

    Args:
        chunks: the body.
        max_bytes: the most that passes.
        announced: how many bytes the source says that it has; 0 if it does not say.
        lease: takes room for the bytes as they come, and has exactly that many at the end. It is the caller's to
            release; after an exception it is empty.
        clock: stands still while there is no room: an origin does not answer for our memory.

    Raises:
        SourceTooLarge: as soon as the chunks are more than `max_bytes`.
        RequestTimeout: there was no room in the memory for a very long time.
    """
    # BytesIO grows one bytes object in place and hands out that very object: no second copy of the whole at the end.
    buffer = io.BytesIO()
    refuse_larger(0, max_bytes)
    try:
        await _make_room(lease, min(announced, _BELIEVED_BYTES), clock)
        async for chunk in chunks:
            size = buffer.tell() + len(chunk)
            refuse_larger(size, max_bytes)
            if size > lease.held_bytes:
                await _make_room(lease, max(size - lease.held_bytes, _step(lease.held_bytes, announced)), clock)
            buffer.write(chunk)
        lease.shrink_to(buffer.tell())
    except BaseException:
        lease.release()
        raise
    return buffer.getvalue()


def _step(held_bytes: int, announced: int) -> int:
    """How much room to take at once: as much as there is already, within bounds and within what is announced."""
    step = min(max(held_bytes, _LEAST_STEP_BYTES), _LARGEST_STEP_BYTES)
    return min(step, announced - held_bytes) if announced > held_bytes else step


async def _make_room(lease: Lease, size: int, clock: asyncio.Timeout | None) -> None:
    if lease.try_grow(size):
        return
    end = clock.when() if clock is not None else None
    if clock is None or end is None:
        await lease.grow(size)
        return
    loop = asyncio.get_running_loop()
    left_seconds = end - loop.time()
    clock.reschedule(None)
    await lease.grow(size)
    clock.reschedule(loop.time() + left_seconds)


async def gunzipped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The decoded stream in pieces of bounded size; gzip members may follow each other."""
    inflater = _Inflater()
    try:
        async for chunk in chunks:
            for piece in inflater.pieces(chunk):
                yield piece
                # One chunk can hold a bomb: between pieces others get their turn, and a deadline its effect.
                await asyncio.sleep(0)
    except zlib.error as error:
        raise SourceError(f"Source response is not valid gzip: {error}") from error
    if not inflater.is_complete:
        raise SourceIncomplete("Source response is incomplete: the gzip stream stops before its end")


class _Inflater:
    """Decodes gzip members one after the other, at most `_SLICE_BYTES` at a time."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def is_complete(self) -> bool:
        """Whether the last member has come to its end."""
        return self._member.eof

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What the next chunk of the stream decodes to."""
        pending: bytes | None = chunk
        while pending is not None:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP_WINDOW)
            piece = self._member.decompress(pending, _SLICE_BYTES)
            pending = self._rest(piece)
            yield piece

    def _rest(self, piece: bytes) -> bytes | None:
        if self._member.eof:
            return self._member.unused_data or None
        # A full piece may have more behind it although all input is taken: zlib holds some back.
        has_more = bool(self._member.unconsumed_tail) or len(piece) == _SLICE_BYTES
        return self._member.unconsumed_tail if has_more else None
