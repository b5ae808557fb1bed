"""How much memory libvips itself says that it holds (spec 03 section 7.2: `vips_memory_bytes` and its like)."""

from __future__ import annotations

from ctypes import c_size_t
from dataclasses import dataclass
from typing import Final

from renderer.vips.held_calls import function

# Functions that pyvips does not declare.
_held: Final = function("vips_tracked_get_mem", gives=c_size_t)
_most: Final = function("vips_tracked_get_mem_highwater", gives=c_size_t)
_allocations: Final = function("vips_tracked_get_allocs")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedMemory:
    """What libvips has allocated for pixels: bytes now, the most so far, and how many pieces."""

    held_bytes: int
    most_bytes: int
    allocations: int


def tracked_memory() -> TrackedMemory:
    """What libvips says now."""
    return TrackedMemory(held_bytes=_held(), most_bytes=_most(), allocations=_allocations())
