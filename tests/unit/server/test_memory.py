"""How much a process holds, and what is given back."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from renderer.server.memory import MemoryWatch, resident_bytes

MEBIBYTE = 1024 * 1024
ROOT = Path(__file__).parents[3]


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


_FREED: Final = """
import asyncio
from renderer.server.memory import MemoryWatch, resident_bytes

watch = MemoryWatch(limit_bytes=0, trim_seconds=0)
pieces = [bytearray(3_000) for _ in range(40_000)]
keep = pieces[::4000]
held = resident_bytes()
del pieces
asyncio.run(watch.is_over_limit())
print(held - resident_bytes())
"""


def test_free_memory_is_given_back_before_a_limit_counts() -> None:
    """Many pieces freed in the middle of the heap stay with the process until it is asked for them.

    In a process of its own: a large one has to grow by more before it is asked.
    """
    done = subprocess.run([sys.executable, "-c", _FREED], capture_output=True, text=True, check=True, cwd=ROOT)

    assert int(done.stdout) > 60 * MEBIBYTE
