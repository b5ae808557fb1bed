"""Who may render now: a bounded number of requests in the server, a bounded number of threads for pixels.

A slot covers pixels only, not the download before and not the writing after (DESIGN section 3). Which picture gets the
next one is decided in `renderer.pipeline.slots`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

from renderer.errors import RequestTimeout, TooManyRequests
from renderer.pipeline.slots import Claim, ClaimState, Slots
from renderer.render_threads import RenderThreads
from renderer.telemetry.observation import Observation, Stage
from renderer.vips.runtime import Deadline

T = TypeVar("T")

_MOST_RETRY_AFTER_SECONDS: Final = 60
_FIRST_RENDER_SECONDS: Final = 0.1
"""What a render is taken to last before one has ended."""
_UNTIMED: Final = contextlib.nullcontext()
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


class _Run(Generic[T]):
    """A render in its thread.

    Attributes:
        claim: over when the thread has ended.
        outcome: for who waits for the result; may be done before.
        left: for who waits for the end of the thread only.
    """

    __slots__ = ("claim", "deadline", "left", "outcome", "started")

    def __init__(self, claim: Claim, deadline: Deadline, outcome: asyncio.Future[T]) -> None:
        self.claim = claim
        self.deadline = deadline
        self.outcome = outcome
        self.left: asyncio.Future[None] | None = None
        self.started = time.monotonic()


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
        self._threads = RenderThreads()
        self._capacity = count + queue_size if queue_size else max_requests
        self._admission = _Admission(self.check_room)
        self._overstaying: dict[_Run[Any], float] = {}
        self._mean_seconds = _FIRST_RENDER_SECONDS

    @property
    def load(self) -> Load:
        """What goes on now."""
        return Load(
            count=self._slots.count,
            admitted=self._admission.count,
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
        return bool(self._capacity) and self._admission.count >= self._capacity

    def check_room(self) -> None:
        """Looks whether a request would be counted in.

        Raises:
            TooManyRequests: the queue is full.
        """
        if self.is_full:
            admitted = self._admission.count
            error = TooManyRequests(f"{admitted} requests are in the server already")
            error.retry_after_seconds = retry_after_seconds(admitted, self._mean_seconds, self._slots.count)
            raise error

    def admission(self) -> contextlib.AbstractContextManager[None]:
        """Counts a request in, for as long as the block lasts.

        Raises:
            TooManyRequests: at the begin of the block, if the queue is full.
        """
        return self._admission

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
        loop = asyncio.get_running_loop()
        with _UNTIMED if seen is None else seen.stage(Stage.QUEUE):
            now = loop.time()
            if at <= now:
                raise RequestTimeout("the deadline passed before a worker was asked for")
            claim = self._slots.take(cost_ms / 1000) or await self._granted(loop, now, at, seconds=cost_ms / 1000)
        with _UNTIMED if seen is None else seen.stage(Stage.PROCESSING):
            return await self._rendered(loop, render, claim, at)

    async def _granted(self, loop: asyncio.AbstractEventLoop, now: float, at: float, *, seconds: float) -> Claim:
        """A claim that holds a slot, after others had theirs.

        Raises:
            RequestTimeout: there was none before the deadline.
        """
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

    async def _rendered(
        self, loop: asyncio.AbstractEventLoop, render: Callable[[Deadline], T], claim: Claim, at: float
    ) -> T:
        run = self._started(loop, render, claim, at)
        timer = loop.call_at(at, self._late, run)
        try:
            return await run.outcome
        except asyncio.CancelledError:
            if run.claim.state is not ClaimState.OVER:
                # The thread cannot be cancelled, but libvips can.
                self._kill(run)
                run.left = loop.create_future()
                await run.left
            raise
        finally:
            timer.cancel()

    def _started(
        self, loop: asyncio.AbstractEventLoop, render: Callable[[Deadline], T], claim: Claim, at: float
    ) -> _Run[T]:
        """The render in a thread, with which its slot ends: not sooner, when a request no longer waits for it."""
        deadline = Deadline(at)  # loop.time() and time.monotonic() are one clock
        run: _Run[T] = _Run(claim, deadline, loop.create_future())
        try:
            self._threads.start(loop, partial(render, deadline), partial(self._ended, run))
        except BaseException:
            self._release(claim)
            raise
        return run

    def _ended(self, run: _Run[T], value: T | None, error: BaseException | None) -> None:
        self._mean_seconds += _MEAN_WEIGHT * (time.monotonic() - run.started - self._mean_seconds)
        self._overstaying.pop(run, None)
        self._slots.release(run.claim)
        if self._waiting:
            self._grant()
        if run.left is not None:
            if not run.left.done():
                run.left.set_result(None)
        elif run.outcome.done():
            pass  # nobody waits any more
        elif error is not None:
            run.outcome.set_exception(error)
        else:
            run.outcome.set_result(value)  # type: ignore[arg-type]  # without an error it is what the render returned

    def _late(self, run: _Run[Any]) -> None:
        if not run.outcome.done():
            self._kill(run)
            run.outcome.set_exception(RequestTimeout("the render passed its deadline"))

    def _kill(self, run: _Run[Any]) -> None:
        run.deadline.kill()
        self._overstaying.setdefault(run, time.monotonic())

    def close(self) -> None:
        """Ends the threads; renders that run are waited for, unless one was killed and its encoder does not stop."""
        self._threads.close(wait=not self._overstaying)


class _Admission:
    """The block in which a request is counted in, the same one for all requests; `count` are in it."""

    __slots__ = ("_check_room", "count")

    def __init__(self, check_room: Callable[[], None]) -> None:
        self._check_room = check_room
        self.count = 0

    def __enter__(self) -> None:
        self._check_room()
        self.count += 1

    def __exit__(self, *exception: object) -> None:
        self.count -= 1


def retry_after_seconds(admitted: int, mean_seconds: float, count: int) -> int:
    """How long those who are in the server will take, by the mean of the last renders; from 1 to 60."""
    return max(1, min(_MOST_RETRY_AFTER_SECONDS, math.ceil(admitted * mean_seconds / count)))
