"""An origin's body -> bytes, never more of them than the limit allows.

The limit counts decoded bytes: `Content-Encoding: gzip`, spelled exactly so, is decoded although nobody asked for it;
any other encoding is left as it is (spec 03 section 4.2).
"""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

from aiohttp import ClientResponse

from renderer.errors import SourceError, SourceIncomplete, SourceTooLarge

_SLICE_BYTES: Final = 256 * 1024
"""How much one step of decoding may produce: about a millisecond of the event loop."""

_GZIP_WINDOW: Final = 31


async def read_body(response: ClientResponse, *, max_bytes: int) -> bytes:
    """The decoded body.

    Raises:
        SourceTooLarge: it is announced to be, or is, larger than `max_bytes`; exactly `max_bytes` pass.
        SourceIncomplete: the gzip stream stops before its end. A body cut short raises what aiohttp raises.
        SourceError: the gzip stream is damaged.
    """
    chunks = response.content.iter_any()
    if response.headers.get("Content-Encoding") == "gzip":
        return await collect(gunzipped(chunks), max_bytes=max_bytes)
    refuse_larger(response.content_length or 0, max_bytes)
    return await collect(chunks, max_bytes=max_bytes)


def refuse_larger(size: int, max_bytes: int) -> None:
    """Raises SourceTooLarge if `size` bytes are over the limit."""
    if size > max_bytes:
        raise SourceTooLarge(f"Source file is too big: over {max_bytes} bytes")


async def collect(chunks: AsyncIterator[bytes], *, max_bytes: int) -> bytes:
    """All chunks in one object; raises SourceTooLarge as soon as they are more than `max_bytes`."""
    # BytesIO grows one bytes object in place and hands out that very object: no second copy of the whole at the end.
    buffer = io.BytesIO()
    refuse_larger(0, max_bytes)
    async for chunk in chunks:
        refuse_larger(buffer.tell() + len(chunk), max_bytes)
        buffer.write(chunk)
    return buffer.getvalue()


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
