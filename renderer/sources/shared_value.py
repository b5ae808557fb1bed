"""One acquisition of a value for everybody who waits for it: credentials that many requests need at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedValue(Generic[T]):
    """Acquires a value, one acquisition at a time.

    A request that gives up waiting does not stop the acquisition: others wait for it. It must be bounded in time by
    itself.
    """

    def __init__(self, acquire: Callable[[], Awaitable[T]]) -> None:
        self._acquire = acquire
        self._task: asyncio.Task[T] | None = None

    async def acquired(self) -> T:
        """The value of the acquisition that runs, or else of a new one; raises what that raises."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        """Gives up on the acquisition that runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> T:
        return await self._acquire()
