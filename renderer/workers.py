"""Who may render now: a bounded number of requests in the server, a bounded number of threads for pixels.

A slot covers pixels only, not the download before and not the writing after (DESIGN section 3). Which picture gets the
next one is decided in `renderer.pipeline.slots`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from renderer.errors import RequestTimeout, TooManyRequests
from renderer.pipeline.slots import Claim, ClaimState, Slots
from renderer.telemetry.observation import Observation, Stage
from renderer.vips.runtime import Deadline

T = TypeVar("T")

_MOST_RETRY_AFTER_SECONDS: Final = 60
_FIRST_RENDER_SECONDS: Final = 0.1
"""What a render is taken to last before one has ended."""
_MEAN_WEIGHT: Final = 0.05
"""Of the last render in the running mean: it looks back over some twenty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What goes on at one moment.

    Attributes:
        count: slots.
        admitted: requests counted in, whatever they do.
        queued: renders that wait for a slot.
        running: slots in use.
        overstaying: of those, the ones whose render was killed and whose thread has not ended yet. An encoder that
            takes a whole picture at once, as AVIF's does, stops only when it is through.
    """

    count: int
    admitted: int
    queued: int
    running: int
    overstaying: int


class Workers:
    """Slots for rendering and the queue before them.

    Args:
        count: pictures rendered at once.
        queue_size: requests that may be admitted beyond `count`; 0 leaves it to `max_requests`.
        max_requests: the most requests admitted at all; 0 is no limit.
    """

    def __init__(self, count: int, queue_size: int, max_requests: int) -> None:
        self._slots = Slots(count)
        self._waiting: dict[Claim, asyncio.Future[bool]] = {}
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="render")
        self._capacity = count + queue_size if queue_size else max_requests
        self._admitted = 0
        self._overstaying: dict[asyncio.Future[Any], float] = {}
        self._mean_seconds = _FIRST_RENDER_SECONDS

    @property
    def load(self) -> Load:
        """What goes on now."""
        return Load(
            count=self._slots.count,
            admitted=self._admitted,
            queued=self._slots.queued,
            running=self._slots.running,
            overstaying=len(self._overstaying),
        )

    @property
    def overstaying_seconds(self) -> float:
        """How long ago the oldest render was killed that still runs; 0 if none does."""
        return time.monotonic() - min(self._overstaying.values()) if self._overstaying else 0.0

    @property
    def is_full(self) -> bool:
        """Whether a request would be refused now."""
        return bool(self._capacity) and self._admitted >= self._capacity

    def check_room(self) -> None:
        """Looks whether a request would be counted in.

        Raises:
            TooManyRequests: the queue is full.
        """
        if self.is_full:
            error = TooManyRequests(f"{self._admitted} requests are in the server already")
            error.retry_after_seconds = retry_after_seconds(self._admitted, self._mean_seconds, self._slots.count)
            raise error

    @contextlib.contextmanager
    def admission(self) -> Iterator[None]:
        """Counts a request in.

        Raises:
            TooManyRequests: the queue is full.
        """
        self.check_room()
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1

    async def run(
        self, render: Callable[[Deadline], T], at: float, *, cost_ms: float = 0.0, seen: Observation | None = None
    ) -> T:
        """Runs `render` in a thread, once a slot is free.

        Args:
            render: gets the deadline that it has to look at.
            at: when time is up, on the loop's clock.
            cost_ms: what the render is estimated to cost, see `renderer.pipeline.cost`.
            seen: is told of the time in the queue and of the time in the slot.

        Raises:
            RequestTimeout: time was up before a slot was free or before the render ended.
        """
        with _stage(seen, Stage.QUEUE):
            claim = await self._granted(at, cost_ms / 1000)
        with _stage(seen, Stage.PROCESSING):
            return await self._rendered(render, claim, at)

    async def _granted(self, at: float, seconds: float) -> Claim:
        """A claim that holds a slot.

        Raises:
            RequestTimeout: there was none before the deadline.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if at <= now:
            raise RequestTimeout("the deadline passed before a worker was asked for")
        claim = self._slots.claim(now, seconds=seconds, patience_seconds=at - now)
        self._grant()
        if claim.state is ClaimState.GRANTED:
            return claim
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting[claim] = future
        timer = loop.call_at(at, self._expire, claim, future)
        try:
            is_granted = await future
        except asyncio.CancelledError:
            # The slot may have been granted in the same turn of the loop.
            self._release(claim)
            raise
        finally:
            timer.cancel()
        if not is_granted:
            raise RequestTimeout("no worker was free before the deadline")
        return claim

    def _expire(self, claim: Claim, future: asyncio.Future[bool]) -> None:
        if not future.done():
            self._release(claim)
            future.set_result(False)

    def _release(self, claim: Claim) -> None:
        self._waiting.pop(claim, None)
        self._slots.release(claim)
        self._grant()

    def _grant(self) -> None:
        """Wakes everybody whose turn it is."""
        while (claim := self._slots.grant()) is not None:
            future = self._waiting.pop(claim, None)
            if future is None:
                continue  # it has just been made and looks for itself
            if future.done():
                self._slots.release(claim)  # cancelled, and not awake yet
            else:
                future.set_result(True)

    async def _rendered(self, render: Callable[[Deadline], T], claim: Claim, at: float) -> T:
        deadline = Deadline(at)  # loop.time() and time.monotonic() are one clock
        work = self._started(render, claim, deadline)
        try:
            await asyncio.wait([work], timeout=max(0.0, at - asyncio.get_running_loop().time()))
        except asyncio.CancelledError:
            # The thread cannot be cancelled, but libvips can.
            self._kill(work, deadline)
            await asyncio.wait([work])
            raise
        if not work.done():
            self._kill(work, deadline)
            raise RequestTimeout("the render passed its deadline")
        return work.result()

    def _started(self, render: Callable[[Deadline], T], claim: Claim, deadline: Deadline) -> asyncio.Future[T]:
        """The render in a thread, with which its slot ends: not sooner, when a request no longer waits for it."""
        try:
            work = asyncio.get_running_loop().run_in_executor(self._threads, render, deadline)
        except BaseException:
            self._release(claim)
            raise
        work.add_done_callback(partial(self._ended, claim, time.monotonic()))
        return work

    def _ended(self, claim: Claim, started: float, work: asyncio.Future[T]) -> None:
        self._mean_seconds += _MEAN_WEIGHT * (time.monotonic() - started - self._mean_seconds)
        self._release(claim)
        if not work.cancelled():
            work.exception()  # told to nobody if nobody waits any more

    def _kill(self, work: asyncio.Future[T], deadline: Deadline) -> None:
        deadline.kill()
        if not work.done():
            self._overstaying.setdefault(work, time.monotonic())
            work.add_done_callback(self._left)

    def _left(self, work: asyncio.Future[T]) -> None:
        self._overstaying.pop(work, None)

    def close(self) -> None:
        """Ends the threads; renders that run are waited for, unless one was killed and its encoder does not stop."""
        self._threads.shutdown(wait=not self._overstaying, cancel_futures=True)


def retry_after_seconds(admitted: int, mean_seconds: float, count: int) -> int:
    """How long those who are in the server will take, by the mean of the last renders; from 1 to 60."""
    return max(1, min(_MOST_RETRY_AFTER_SECONDS, math.ceil(admitted * mean_seconds / count)))


def _stage(seen: Observation | None, stage: Stage) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext() if seen is None else seen.stage(stage)
