"""Work under way, each piece once for everybody who asks for it meanwhile.

A flight belongs to nobody: who asked first may leave, the work goes on for the others. When the last one leaves it is
cancelled, or, if it has landed, its value is let go. Everything here runs on one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class Seat(Generic[T]):
    """One asker's part in a flight; a context manager that leaves at the end.

    `is_first` is whether the flight began with it.
    """

    __slots__ = ("_flight", "_flights", "is_first")

    def __init__(self, flights: Flights[T], flight: _Flight[T], *, is_first: bool) -> None:
        self._flights = flights
        self._flight = flight
        self.is_first = is_first

    @property
    def is_shared(self) -> bool:
        """Whether others sit in the flight, too."""
        return self._flight.seats > 1

    async def landed(self) -> T:
        """The value, as soon as it is there; raises what the work raises."""
        task = self._flight.task
        # Shielded: who gives up waiting must not take the work from the others.
        return task.result() if task.done() else await asyncio.shield(task)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flights.leave(self._flight)


class Flights(Generic[T]):
    """Flights by key.

    Args:
        lingering_seconds: how long after its landing a flight that somebody still sits in takes others on.
        release: lets go of the value of a flight that everybody has left.
    """

    def __init__(self, *, lingering_seconds: float = 0.0, release: Callable[[T], None] | None = None) -> None:
        self._lingering_seconds = lingering_seconds
        self._release = release
        self._flights: dict[Hashable, _Flight[T]] = {}
        self._ending: set[asyncio.Task[T]] = set()
        self.joined = 0

    def __len__(self) -> int:
        return len(self._flights)

    def join(self, key: Hashable, start: Callable[[], Coroutine[Any, Any, T]]) -> Seat[T]:
        """A seat in the flight of that key; `start` begins the work if there is none.

        The work must be bounded in time by itself. `joined` counts the seats in flights that were there already.
        """
        loop = asyncio.get_running_loop()
        flight = self._flights.get(key)
        if flight is not None and flight.takes_on(loop.time()):
            self.joined += 1
            flight.seats += 1
            return Seat(self, flight, is_first=False)
        flight = _Flight(key, loop.create_task(start()))
        flight.task.add_done_callback(lambda _: self._land(flight))
        self._flights[key] = flight
        return Seat(self, flight, is_first=True)

    def leave(self, flight: _Flight[T]) -> None:
        """Gives a seat back."""
        flight.seats -= 1
        if flight.seats:
            return
        self._forget(flight)
        if not flight.task.done():
            # Its clean-up goes on while nobody waits for it; `close` does.
            self._ending.add(flight.task)
            flight.task.add_done_callback(self._ending.discard)
            flight.task.cancel()
        elif self._release is not None and flight.has_value:
            self._release(flight.task.result())

    async def close(self) -> None:
        """Waits until whatever was cancelled has ended; what still flies is cancelled."""
        tasks = [flight.task for flight in self._flights.values()] + list(self._ending)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _land(self, flight: _Flight[T]) -> None:
        if flight.has_value and flight.seats and self._lingering_seconds:
            flight.taken_until = asyncio.get_running_loop().time() + self._lingering_seconds
        else:
            self._forget(flight)

    def _forget(self, flight: _Flight[T]) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]


class _Flight(Generic[T]):
    """The work of one key, and how many wait for it or use its value."""

    __slots__ = ("key", "seats", "taken_until", "task")

    def __init__(self, key: Hashable, task: asyncio.Task[T]) -> None:
        self.key = key
        self.task = task
        self.seats = 1
        self.taken_until: float | None = None

    @property
    def has_value(self) -> bool:
        """Whether the work has ended well; asking also keeps asyncio from reporting an error that nobody waited for."""
        return self.task.done() and not self.task.cancelled() and self.task.exception() is None

    def takes_on(self, now: float) -> bool:
        """Whether others may still join."""
        return self.taken_until is None or now < self.taken_until
