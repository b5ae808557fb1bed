"""A few threads for calls that block, and a bound for what may wait for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from renderer.storage.object_store import StoreBusy

T = TypeVar("T")


class BoundedThreads:
    """Threads that refuse work when too much waits.

    A call that hangs keeps its thread; nobody has to wait for it, and what comes after it is refused in the end.

    Args:
        count: of threads.
        most_waiting: calls that run or wait.
        name: of the threads.
    """

    def __init__(self, count: int, most_waiting: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._most_waiting = most_waiting
        self._name = name
        self._waiting = 0

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns.

        Raises:
            StoreBusy: too many calls wait.
        """
        if self._waiting >= self._most_waiting:
            raise StoreBusy(f"{self._waiting} calls wait for {self._name} already")
        loop = asyncio.get_running_loop()
        try:
            future = self._threads.submit(call)
        except RuntimeError as error:
            raise StoreBusy(f"{self._name} is closed") from error
        self._waiting += 1
        future.add_done_callback(lambda _: _when_possible(loop, self._ended))
        return await asyncio.wrap_future(future, loop=loop)

    def start(self, call: Callable[[], object]) -> Future[object]:
        """Begins a call that nobody waits for; raises RuntimeError when the threads are closed."""
        return self._threads.submit(call)

    def close(self) -> None:
        """Takes nothing more; what runs is left to end by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ended(self) -> None:
        self._waiting -= 1


def _when_possible(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    # A call that outlives the loop has nobody left who counts.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
