"""How much memory this process holds, and giving back what is free.

glibc keeps what was freed. Every `IMGPROXY_FREE_MEMORY_INTERVAL` it is asked to return it, but only after the process
has grown: trimming costs page faults afterwards.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_PAGE_BYTES: Final = resource.getpagesize()
_STATM: Final = Path("/proc/self/statm")
_GROWTH: Final = 1.25
"""By how much a process must have grown since memory was last given back."""


def resident_bytes() -> int:
    """The resident set of this process; 0 where the system does not say."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


class MemoryWatch:
    """Looks at one process's memory.

    Args:
        limit_bytes: resident bytes that are too many; 0 is no limit.
        trim_seconds: how often free memory is given back at most, unless the limit is passed.
    """

    def __init__(self, *, limit_bytes: int, trim_seconds: float) -> None:
        self._limit_bytes = limit_bytes
        self._trim_seconds = trim_seconds
        self._trimmed_at = time.monotonic()
        self._trimmed_bytes = resident_bytes()
        self._trim = _malloc_trim()

    async def is_over_limit(self) -> bool:
        """Whether the process holds too much, after free memory was given back if it was time."""
        held = resident_bytes()
        is_over = 0 < self._limit_bytes < held
        now = time.monotonic()
        is_time = now - self._trimmed_at >= self._trim_seconds
        if is_over or (is_time and held > self._trimmed_bytes * _GROWTH):
            await asyncio.to_thread(self._trim, 0)
            held = resident_bytes()
            self._trimmed_at, self._trimmed_bytes = now, held
        return 0 < self._limit_bytes < held


def _malloc_trim() -> Callable[[int], object]:
    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        _log.debug("this C library has no malloc_trim")
        return _nothing
    return trim


def _nothing(_pad: int) -> None:
    """Does nothing."""
