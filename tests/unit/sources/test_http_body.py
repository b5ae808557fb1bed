"""Bodies: one object, bounded, decoded in bounded steps."""

from __future__ import annotations

import gzip
import random
from collections.abc import AsyncIterator

import pytest

from renderer.errors import SourceError, SourceIncomplete, SourceTooLarge
from renderer.sources.http_body import collect, gunzipped

TEXT = b"all the same " * 50_000
NOISE = random.Random(1).randbytes(300_000)


async def in_chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    """The data in pieces of at most `size` bytes."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def decoded(data: bytes, size: int) -> bytes:
    """The gzip stream's content, however it arrives."""
    return b"".join([piece async for piece in gunzipped(in_chunks(data, size))])


@pytest.mark.parametrize("limit", [10, 11])
async def test_a_body_of_the_limit_or_less_passes(limit: int) -> None:
    assert await collect(in_chunks(b"0123456789", 3), max_bytes=limit) == b"0123456789"


@pytest.mark.parametrize("limit", [9, 0, -1])
async def test_one_byte_more_than_the_limit_is_too_large(limit: int) -> None:
    with pytest.raises(SourceTooLarge):
        await collect(in_chunks(b"0123456789", 3), max_bytes=limit)


async def test_a_negative_limit_refuses_even_nothing() -> None:
    with pytest.raises(SourceTooLarge):
        await collect(in_chunks(b"", 1), max_bytes=-1)


async def test_no_more_is_read_than_the_limit_needs() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 100
            yield bytes(100)

    with pytest.raises(SourceTooLarge):
        await collect(endless(), max_bytes=1000)

    assert taken == 1100


@pytest.mark.parametrize("size", [1000, 65_536, 10_000_000])
@pytest.mark.parametrize("data", [b"", b"x", TEXT, NOISE, TEXT + NOISE], ids=["empty", "byte", "text", "noise", "both"])
async def test_a_gzip_stream_is_decoded_however_it_arrives(data: bytes, size: int) -> None:
    assert await decoded(gzip.compress(data), size) == data


@pytest.mark.parametrize("size", [1, 7, 10_000_000])
async def test_gzip_members_follow_each_other(size: int) -> None:
    assert await decoded(gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two"), size) == b"one two"


@pytest.mark.parametrize("kept", [0, 5, 15, -1, -9])
async def test_a_gzip_stream_that_stops_early_is_incomplete(kept: int) -> None:
    with pytest.raises(SourceIncomplete):
        await decoded(gzip.compress(b"some content")[:kept], 4)


@pytest.mark.parametrize(
    "data",
    [b"no gzip at all", gzip.compress(b"x") + b"garbage", gzip.compress(b"x" * 9)[:-6] + b"\x00\x00" + b"\x00" * 4],
    ids=["no gzip", "garbage behind it", "wrong checksum"],
)
async def test_a_damaged_gzip_stream_is_a_source_error(data: bytes) -> None:
    with pytest.raises(SourceError, match="not valid gzip"):
        await decoded(data, 10_000)


async def test_a_bomb_is_decoded_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(50_000_000))

    sizes = [len(piece) async for piece in gunzipped(in_chunks(bomb, len(bomb)))]

    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 262_144


async def test_a_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))

    with pytest.raises(SourceTooLarge):
        await collect(gunzipped(in_chunks(bomb, len(bomb))), max_bytes=1_000_000)
