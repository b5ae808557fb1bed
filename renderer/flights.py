"""Work under way, each piece once for everybody who asks for it meanwhile.

Who asks first does it; the others wait. If the first gives up, because its client went away, or because its time is up
and there is some left to others, the next one begins anew. Everything here runs on one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from renderer.errors import RequestTimeout

T = TypeVar("T")


class Flights(Generic[T]):
    """Flights by key.

    Args:
        boarded: is told of a value for each that has waited for it, before whoever made it goes on.
        left: is told of it if the one that has waited is gone by the time it could have it.
    """

    def __init__(self, *, boarded: Callable[[T], None] | None = None, left: Callable[[T], None] | None = None) -> None:
        self._boarded = boarded
        self._left = left
        self._flights: dict[Hashable, list[asyncio.Future[T]]] = {}
        self.joined = 0

    def __len__(self) -> int:
        return len(self._flights)

    async def shared(self, key: Hashable, make: Callable[[], Awaitable[T]], until: float) -> tuple[T, bool]:
        """The value of that key, and whether this call has made it; raises what making it raises.

        Args:
            key: equal for work that is the same.
            make: does the work.
            until: when the caller's time is up, on the loop's clock; `make` keeps to it by itself.
        """
        while (others := self._flights.get(key)) is not None:
            try:
                return await self._waited(others), False
            except _GivenUp as given_up:
                if asyncio.get_running_loop().time() >= until:
                    raise RequestTimeout("time was up while another request did the work") from given_up
        waiting = self._flights[key] = []
        try:
            value = await make()
        except BaseException as error:
            del self._flights[key]
            _fail(waiting, error)
            raise
        del self._flights[key]
        if waiting:
            self._hand_out(waiting, value)
        return value, True

    async def _waited(self, waiting: list[asyncio.Future[T]]) -> T:
        """What somebody else makes; raises _GivenUp if that is nothing."""
        self.joined += 1
        value: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiting.append(value)
        try:
            return await value
        except asyncio.CancelledError:
            has_value = value.done() and not value.cancelled() and value.exception() is None
            if has_value and self._left is not None:
                self._left(value.result())
            raise

    def _hand_out(self, waiting: list[asyncio.Future[T]], value: T) -> None:
        for future in waiting:
            if not future.done():
                future.set_result(value)
                if self._boarded is not None:
                    self._boarded(value)


def _fail(waiting: list[asyncio.Future[T]], error: BaseException) -> None:
    gives_up = isinstance(error, (asyncio.CancelledError, RequestTimeout))
    for future in waiting:
        if not future.done():
            future.set_exception(_GivenUp() if gives_up else error)


class _GivenUp(Exception):
    """The work has not been done."""
