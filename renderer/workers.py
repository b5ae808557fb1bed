"""Who may render now: a bounded number of requests in the server, a bounded number of threads for pixels.

A slot covers pixels only, not the download before and not the writing after (DESIGN section 3).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from renderer.errors import RequestTimeout, TooManyRequests
from renderer.vips.runtime import Deadline

T = TypeVar("T")


def default_worker_count() -> int:
    """Twice the CPUs that this process may use."""
    return 2 * len(os.sched_getaffinity(0))


class Workers:
    """Slots for rendering and the queue before them.

    Args:
        count: pictures rendered at once.
        queue_size: requests that may be admitted beyond `count`; 0 leaves it to `max_requests`.
        max_requests: the most requests admitted at all; 0 is no limit.
    """

    def __init__(self, count: int, queue_size: int, max_requests: int) -> None:
        self._slots = asyncio.Semaphore(count)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="render")
        self._capacity = count + queue_size if queue_size else max_requests
        self._admitted = 0

    @contextlib.contextmanager
    def admission(self) -> Iterator[None]:
        """Counts a request in.

        Raises:
            TooManyRequests: the queue is full.
        """
        if self._capacity and self._admitted >= self._capacity:
            raise TooManyRequests(f"{self._admitted} requests are in the server already")
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1

    async def run(self, render: Callable[[Deadline], T], at: float) -> T:
        """Runs `render` in a thread, once a slot is free.

        Args:
            render: gets the deadline that it has to look at.
            at: when time is up, on the loop's clock.

        Raises:
            RequestTimeout: time was up before a slot was free or before the render ended.
        """
        try:
            async with asyncio.timeout_at(at):
                await self._slots.acquire()
        except TimeoutError as error:
            raise RequestTimeout("no worker was free before the deadline") from error
        deadline = Deadline(at)  # loop.time() and time.monotonic() are one clock
        work = self._started(render, deadline)
        try:
            await asyncio.wait([work], timeout=max(0.0, at - asyncio.get_running_loop().time()))
        except asyncio.CancelledError:
            # The thread cannot be cancelled, but libvips can.
            deadline.kill()
            await asyncio.wait([work])
            raise
        if not work.done():
            deadline.kill()
            raise RequestTimeout("the render passed its deadline")
        return work.result()

    def _started(self, render: Callable[[Deadline], T], deadline: Deadline) -> asyncio.Future[T]:
        """The render in a thread, with which its slot ends: not sooner, when a request no longer waits for it."""
        try:
            work = asyncio.get_running_loop().run_in_executor(self._threads, render, deadline)
        except BaseException:
            self._slots.release()
            raise
        work.add_done_callback(self._ended)
        return work

    def _ended(self, work: asyncio.Future[T]) -> None:
        self._slots.release()
        if not work.cancelled():
            work.exception()  # told to nobody if nobody waits any more

    def close(self) -> None:
        """Ends the threads; renders that run are waited for."""
        self._threads.shutdown(wait=True, cancel_futures=True)
