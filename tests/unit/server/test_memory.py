"""How much a process holds, and what is given back."""

from __future__ import annotations

import mmap

import pytest

from renderer.server.memory import MemoryWatch, resident_bytes

MEBIBYTE = 1024 * 1024


def test_resident_memory_grows_with_what_is_touched() -> None:
    before = resident_bytes()
    with mmap.mmap(-1, 64 * MEBIBYTE) as pages:
        for offset in range(0, len(pages), mmap.PAGESIZE):
            pages[offset] = 1
        held = resident_bytes()

    assert held - before > 60 * MEBIBYTE
    assert resident_bytes() - before < 32 * MEBIBYTE


@pytest.mark.parametrize(("limit", "is_over"), [(0, False), (1, True), (1 << 50, False)])
async def test_a_limit_is_of_resident_bytes_and_zero_is_none(limit: int, is_over: bool) -> None:
    assert await MemoryWatch(limit_bytes=limit, trim_seconds=1000).is_over_limit() is is_over


async def test_free_memory_is_given_back_before_a_limit_counts() -> None:
    """Many pieces freed in the middle of the heap stay with the process until it is asked for them."""
    watch = MemoryWatch(limit_bytes=0, trim_seconds=0)
    # First what other tests have left.
    await watch.is_over_limit()
    pieces = [bytearray(3_000) for _ in range(40_000)]
    keep = pieces[::4000]
    held = resident_bytes()
    del pieces
    await watch.is_over_limit()

    assert keep
    assert held - resident_bytes() > 60 * MEBIBYTE
