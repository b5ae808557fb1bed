"""Threads that renders run in: one hand-over there and one back.

The standard library's pool and the future around it wake the event loop, and then pass on what came in three more turns
of it: thirty calls and two looks for events of a request whose picture may take less. Here the thread's last word is
the loop's next call.

Each thread has a queue of its own. Of threads that wait for one queue another one wakes, finds nothing and sleeps again
whenever one takes something out.
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

_Jobs: TypeAlias = "queue.SimpleQueue[_Job[object] | None]"
"""Where one thread finds its next call; None is the end."""


class RenderThreads:
    """Threads that begin when they are needed and wait for more then. The caller sees to it that nothing queues."""

    def __init__(self) -> None:
        self._threads: list[tuple[threading.Thread, _Jobs]] = []
        self._idle: list[_Jobs] = []  # of threads that wait, or are about to
        self._is_closed = False

    def start(self, loop: asyncio.AbstractEventLoop, call: Callable[[], T], ended: Ended[T]) -> None:
        """Runs `call` in a thread, and then `ended` on the loop, unless that is closed.

        Args:
            loop: the one that runs.
            call: runs in a thread.
            ended: may be called at once, but not before this returns.

        Raises:
            RuntimeError: the threads are closed.
        """
        if self._is_closed:
            raise RuntimeError("no render starts after shutdown")
        # The thread that ended last: what it needs is still in the processor's caches.
        jobs = self._idle.pop() if self._idle else self._add()
        jobs.put((loop, call, ended))  # type: ignore[arg-type]  # both are of one type, and nobody else looks

    def close(self, *, wait: bool = True) -> None:
        """Takes nothing more and lets the threads end; `wait` says whether to wait for what runs."""
        self._is_closed = True
        for _, jobs in self._threads:
            jobs.put(None)
        if wait:
            for thread, _ in self._threads:
                thread.join()
            atexit.unregister(self.close)

    def _add(self) -> _Jobs:
        """Where a new thread finds what it has to do."""
        if not self._threads:
            # What runs when the interpreter ends would be torn out of libvips.
            atexit.register(self.close)
        jobs: _Jobs = queue.SimpleQueue()
        name = f"render_{len(self._threads)}"
        thread = threading.Thread(target=_work, args=(jobs, self._idle), name=name, daemon=True)
        thread.start()
        self._threads.append((thread, jobs))
        return jobs


def _work(jobs: _Jobs, idle: list[_Jobs]) -> None:
    """Does what comes, until it is None."""
    while (job := jobs.get()) is not None:
        loop, call, ended = job
        value, error = None, None
        try:
            value = call()
        except BaseException as failure:  # noqa: BLE001  it is told to who waits, whatever it is
            error = failure
        # Before the loop is told, which may begin with the next call at once: that waits for the few lines left here.
        idle.append(jobs)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended, value, error)
        # Or the last picture would stay in memory until the next one comes.
        del job, call, ended, value, error
