"""How much memory libvips itself says that it holds (spec 03 section 7.2: `vips_memory_bytes` and its like)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pyvips

_MAPS: Final = Path("/proc/self/maps")
_LIBRARY: Final = "/libvips"
_CPP: Final = "/libvips-cpp"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedMemory:
    """What libvips has allocated for pixels: bytes now, the most so far, and how many pieces."""

    held_bytes: int
    most_bytes: int
    allocations: int


def tracked_memory() -> TrackedMemory:
    """What libvips says now; zeros where its library cannot be asked."""
    held, most, allocations = _questions()
    return TrackedMemory(held_bytes=held(), most_bytes=most(), allocations=allocations())


@cache
def _questions() -> tuple[Callable[[], int], Callable[[], int], Callable[[], int]]:
    """The three functions of libvips, which pyvips does not declare."""
    path = _path()
    if path is None:
        return _zero, _zero, _zero
    library = ctypes.CDLL(path)
    held, most, allocations = (
        library.vips_tracked_get_mem,
        library.vips_tracked_get_mem_highwater,
        library.vips_tracked_get_allocs,
    )
    held.restype = most.restype = ctypes.c_size_t
    return held, most, allocations


def _path() -> str | None:
    """The file of the libvips that pyvips has loaded, found where the system lists what is mapped."""
    pyvips.version(0)
    try:
        lines = _MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    paths = (line.partition("/")[1] + line.partition("/")[2] for line in lines if "/" in line)
    return next((path for path in paths if _LIBRARY in path and _CPP not in path and ".so" in path), None)


def _zero() -> int:
    return 0
