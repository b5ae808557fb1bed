"""An origin's body -> bytes, never more of them than the limit allows.

The limit counts decoded bytes: `Content-Encoding: gzip`, spelled exactly so, is decoded although nobody asked for it;
any other encoding is left as it is (spec 03 section 4.2).
"""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import AsyncIterator
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
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        async for chunk in chunks:
            if inflater.eof:
                inflater = zlib.decompressobj(_GZIP_WINDOW)
            pending = chunk
            while True:
                piece = inflater.decompress(pending, _SLICE_BYTES)
                if piece:
                    yield piece
                pending = inflater.unconsumed_tail
                if inflater.eof:
                    pending = inflater.unused_data
                    if not pending:
                        break
                    inflater = zlib.decompressobj(_GZIP_WINDOW)
                elif not pending and len(piece) < _SLICE_BYTES:
                    break
                # More comes from the same chunk, a bomb perhaps: others get their turn, and a deadline its effect.
                await asyncio.sleep(0)
    except zlib.error as error:
        raise SourceError(f"Source response is not valid gzip: {error}") from error
    if not inflater.eof:
        raise SourceIncomplete("Source response is incomplete: the gzip stream stops before its end")
