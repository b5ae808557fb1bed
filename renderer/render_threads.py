"""Threads that renders run in: one hand-over there and one back.

The standard library's pool and the future around it wake the event loop, and then pass on what came in three more turns
of it: thirty calls and two looks for events of a request whose picture may take less. Here the thread's last word is
the loop's next call.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Ended: TypeAlias = Callable[[T | None, BaseException | None], None]
"""Called on the event loop with what a call returned, or what it raised."""

_Job: TypeAlias = tuple[asyncio.AbstractEventLoop, Callable[[], T], Ended[T]]


class RenderThreads:
    """Threads that begin when they are needed and wait for more then. The caller sees to it that nothing queues."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job[object] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def start(self, loop: asyncio.AbstractEventLoop, call: Callable[[], T], ended: Ended[T], *, running: int) -> None:
        """Runs `call` in a thread, and then `ended` on the loop, unless that is closed.

        Args:
            loop: the one that runs.
            call: runs in a thread.
            ended: may be called at once, but not before this returns.
            running: how many calls have not ended, this one included.

        Raises:
            RuntimeError: the threads are closed.
        """
        if self._is_closed:
            raise RuntimeError("no render starts after shutdown")
        if running > len(self._threads):
            self._add()
        self._jobs.put((loop, call, ended))  # type: ignore[arg-type]  # both are of one type, and nobody else looks

    def close(self, *, wait: bool = True) -> None:
        """Takes nothing more and lets the threads end; `wait` says whether to wait for what runs."""
        self._is_closed = True
        for _ in self._threads:
            self._jobs.put(None)
        if wait:
            for thread in self._threads:
                thread.join()
            atexit.unregister(self.close)

    def _add(self) -> None:
        if not self._threads:
            # What runs when the interpreter ends would be torn out of libvips.
            atexit.register(self.close)
        thread = threading.Thread(target=_work, args=(self._jobs,), name=f"render_{len(self._threads)}", daemon=True)
        thread.start()
        self._threads.append(thread)


def _work(jobs: queue.SimpleQueue[_Job[object] | None]) -> None:
    """Does what comes, until it is None."""
    while (job := jobs.get()) is not None:
        loop, call, ended = job
        value, error = None, None
        try:
            value = call()
        except BaseException as failure:  # noqa: BLE001  it is told to who waits, whatever it is
            error = failure
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended, value, error)
        # Or the last picture would stay in memory until the next one comes.
        del job, call, ended, value, error
