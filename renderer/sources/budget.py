"""How many bytes of sources this process holds at once, from the first byte of a download to the end of its render.

Every source has a lease. Its first bytes wait in line until there is room; a lease that has bytes may grow before those
that have none, because only what is whole can be rendered and let go. When every lease with bytes waits to grow, none
of them can end, so the oldest one passes over the limit: then it is over by no more than what is left of one source. A
source larger than the whole budget gets its turn in the same way, and at once when it is alone.

Memory that is asked for while the budget is full is waited for inside the request's own deadline. Everything here runs
on one event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final, Self

from renderer.errors import RequestTimeout

_PATIENCE_SECONDS: Final = 60.0
"""Bounds a wait for which nobody set a deadline, for instance at start; requests have shorter ones of their own."""


class Lease:
    """The bytes that one source may hold. As a context manager it gives them back at the end."""

    __slots__ = ("_budget", "held_bytes")

    def __init__(self, budget: ByteBudget | None = None) -> None:
        """Without a budget every wish is granted and nothing is counted."""
        self._budget = budget
        self.held_bytes = 0

    def try_grow(self, size: int) -> bool:
        """Takes `size` more bytes if that needs no waiting."""
        return self._budget is None or self._budget.try_grow(self, size)

    async def grow(self, size: int) -> None:
        """Takes `size` more bytes as soon as there is room.

        Raises:
            RequestTimeout: there was none for a minute. A caller with a deadline does not wait as long.
        """
        if self._budget is not None:
            await self._budget.grow(self, size)

    def shrink_to(self, size: int) -> None:
        """Gives back what is held beyond `size` bytes."""
        if self._budget is not None and size < self.held_bytes:
            self._budget.give_back(self, self.held_bytes - size)

    def release(self) -> None:
        """Gives everything back; may be called more than once."""
        if self._budget is not None and self.held_bytes:
            self._budget.give_back(self, self.held_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()


NO_LEASE: Final = Lease()
"""The lease of bytes that nobody counts."""


class ByteBudget:
    """A number of bytes for all sources of this process."""

    def __init__(self, max_bytes: int, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """`max_bytes` 0 is no limit; the bytes are counted all the same."""
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._patience_seconds = patience_seconds
        self._holders: OrderedDict[Lease, None] = OrderedDict()
        # Both in order of arrival. A lease waits at most once: its owner is one task.
        self._growing: OrderedDict[Lease, _Wish] = OrderedDict()
        self._starting: OrderedDict[Lease, _Wish] = OrderedDict()

    def lease(self) -> Lease:
        """A lease that holds nothing yet."""
        return Lease(self)

    @property
    def waiting(self) -> int:
        """How many sources wait for room."""
        return len(self._growing) + len(self._starting)

    def try_grow(self, lease: Lease, size: int) -> bool:
        """Gives the lease `size` more bytes if that needs no waiting."""
        if size <= 0:
            return True
        has_turn = not self._growing if lease.held_bytes else not self._growing and not self._starting
        if not has_turn or not self._fits(size):
            return False
        self._grant(lease, size)
        return True

    async def grow(self, lease: Lease, size: int) -> None:
        """Gives the lease `size` more bytes as soon as there is room; raises RequestTimeout as `Lease.grow` does."""
        if self.try_grow(lease, size):
            return
        queue = self._growing if lease.held_bytes else self._starting
        wish = queue[lease] = _Wish(size, asyncio.get_running_loop().create_future())
        self._serve()
        try:
            async with asyncio.timeout(self._patience_seconds):
                await wish.granted
        except TimeoutError as error:
            raise RequestTimeout("the memory for sources stayed full") from error
        finally:
            queue.pop(lease, None)
            self._serve()

    def give_back(self, lease: Lease, size: int) -> None:
        """Takes `size` bytes of the lease back."""
        lease.held_bytes -= size
        self.held_bytes -= size
        if not lease.held_bytes:
            self._holders.pop(lease, None)
        if self._growing or self._starting:
            self._serve()

    def _fits(self, size: int) -> bool:
        return not self.max_bytes or not self.held_bytes or self.held_bytes + size <= self.max_bytes

    def _grant(self, lease: Lease, size: int) -> None:
        lease.held_bytes += size
        self.held_bytes += size
        self._holders[lease] = None

    def _serve(self) -> None:
        """Grants what can be granted, in order."""
        while self._growing and self._serve_first(self._growing, may_pass=len(self._growing) == len(self._holders)):
            pass
        while not self._growing and self._starting and self._serve_first(self._starting, may_pass=False):
            pass

    def _serve_first(self, queue: OrderedDict[Lease, _Wish], *, may_pass: bool) -> bool:
        # Whoever passes over the limit is the oldest holder, not the oldest wish: it goes on passing until it is whole.
        lease = next(iter(self._holders)) if may_pass else next(iter(queue))
        wish = queue[lease]
        if not wish.granted.done():
            if not may_pass and not self._fits(wish.size):
                return False
            self._grant(lease, wish.size)
            wish.granted.set_result(None)
        del queue[lease]
        return True


class _Wish:
    """So many bytes, and who is to be told."""

    __slots__ = ("granted", "size")

    def __init__(self, size: int, granted: asyncio.Future[None]) -> None:
        self.size = size
        self.granted = granted
