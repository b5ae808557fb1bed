"""The peak memory of a tree of processes, sampled while a round runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from benchmarks.load import accounting

EVERY_SECONDS: Final = 0.2
"""A sample walks the page tables of all processes: 1 to 3 ms of ours, and the server's `mmap` calls wait meanwhile."""


@dataclass(slots=True)
class Samples:
    """Moments by `time.monotonic` and bytes of proportional set size; none where processes are somebody else's."""

    taken: list[tuple[float, int]] = field(default_factory=list)

    @property
    def peak_bytes(self) -> int | None:
        """The highest."""
        return max((size for _, size in self.taken), default=None)


@asynccontextmanager
async def sampled(pid: int | None) -> AsyncIterator[Samples]:
    """Samples the tree of a process while the block runs, and once more at its end."""
    samples = Samples()
    if pid is None:
        yield samples
        return
    task = asyncio.create_task(_sample(pid, samples))
    try:
        yield samples
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, PermissionError):
            await task
        with suppress(PermissionError):
            samples.taken.append((time.monotonic(), await asyncio.to_thread(tree_bytes, pid)))


async def _sample(pid: int, samples: Samples) -> None:
    while True:
        samples.taken.append((time.monotonic(), await asyncio.to_thread(tree_bytes, pid)))
        await asyncio.sleep(EVERY_SECONDS)


def tree_bytes(pid: int) -> int:
    """The proportional set size of a process and all that descend from it."""
    return accounting.pss_bytes(accounting.tree(pid))
