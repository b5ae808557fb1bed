"""Results on their way into the store: written after their answers were sent, by a few tasks, from a bounded queue."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from renderer.cache.entry import StoredResult
from renderer.cache.figures import ResultFigures

WRITERS: Final = 4
MOST_WAITING: Final = 4096


@dataclass(frozen=True, slots=True)
class Job:
    """One result, and the tags of what it was made from: the picture's first."""

    key: str
    entry: StoredResult
    tags: tuple[str, ...]


class WriteBehind:
    """The queue and its writers.

    Args:
        write: writes one result; it has to deal with every error itself.
        max_bytes: of what waits or is being written.
        figures: are told what is dropped.
    """

    def __init__(self, write: Callable[[Job], Awaitable[None]], max_bytes: int, figures: ResultFigures) -> None:
        self._write = write
        self._max_bytes = max_bytes
        self._figures = figures
        self._waiting: OrderedDict[str, Job] = OrderedDict()
        self._writers: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self.held_bytes = 0

    def add(self, job: Job) -> bool:
        """Takes a result in, in the place of one that waits under its key; False if there is no room."""
        if self._is_closed:
            self._figures.dropped("stopping")
            return False
        self._remove(job.key)
        cost = job.entry.cost_bytes
        if self.held_bytes + cost > self._max_bytes or len(self._waiting) >= MOST_WAITING:
            self._figures.dropped("queue")
            return False
        self._waiting[job.key] = job
        self.held_bytes += cost
        if len(self._writers) < WRITERS:
            writer = asyncio.get_running_loop().create_task(self._run())
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return True

    def waiting(self, key: str) -> StoredResult | None:
        """The result that waits under a key."""
        job = self._waiting.get(key)
        return None if job is None else job.entry

    def discard(self, tag: str) -> None:
        """Drops what waits and was made from an original."""
        for job in [job for job in self._waiting.values() if tag in job.tags]:
            self._remove(job.key)
            self._figures.dropped("purged")

    async def close(self, seconds: float) -> None:
        """Takes nothing more in, writes for at most `seconds` what is there, and drops the rest."""
        self._is_closed = True
        if self._writers:
            await asyncio.wait(self._writers, timeout=seconds)
        left = tuple(self._writers)
        for key in tuple(self._waiting):
            self._remove(key)
            self._figures.dropped("stopping")
        for writer in left:
            writer.cancel()
            self._figures.dropped("stopping")
        await asyncio.gather(*left, return_exceptions=True)

    async def _run(self) -> None:
        """Writes until nothing waits."""
        while self._waiting:
            _, job = self._waiting.popitem(last=False)
            try:
                await self._write(job)
            finally:
                self.held_bytes -= job.entry.cost_bytes

    def _remove(self, key: str) -> None:
        job = self._waiting.pop(key, None)
        if job is not None:
            self.held_bytes -= job.entry.cost_bytes
