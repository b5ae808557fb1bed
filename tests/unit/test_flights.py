"""Work that several ask for at one time is done once, and by somebody as long as anybody wants it."""

from __future__ import annotations

import asyncio

import pytest

from renderer.errors import RequestTimeout
from renderer.flights import Flights

LATER = 1e12
"""A time on the loop's clock that does not come."""


class Work:
    """Work that ends when it is told to; counts its beginnings and cancellations."""

    def __init__(self) -> None:
        self.began = self.cancelled = 0
        self.done = asyncio.Event()
        self.errors: list[Exception] = []

    async def make(self) -> int:
        """How often it has begun, once it is done."""
        self.began += 1
        number = self.began
        try:
            await self.done.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.errors:
            raise self.errors.pop(0)
        return number


async def asked(
    flights: Flights[int], work: Work, count: int, until: float = LATER
) -> list[asyncio.Task[tuple[int, bool]]]:
    """So many askers who wait."""
    tasks = [asyncio.create_task(flights.shared("k", work.make, until)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_work_is_done_once_for_all() -> None:
    flights, work = Flights[int](), Work()
    tasks = await asked(flights, work, 1000)
    work.done.set()
    assert await asyncio.gather(*tasks) == [(1, True)] + [(1, False)] * 999
    assert flights.joined == 999
    assert not len(flights)


async def test_other_keys_are_other_work() -> None:
    flights, work = Flights[int](), Work()
    work.done.set()
    await asyncio.gather(flights.shared("a", work.make, LATER), flights.shared("b", work.make, LATER))
    assert work.began == 2


async def test_who_asks_after_the_end_gets_new_work() -> None:
    flights, work = Flights[int](), Work()
    work.done.set()
    assert [await flights.shared("k", work.make, LATER) for _ in range(2)] == [(1, True), (2, True)]


async def test_when_the_first_leaves_the_next_begins_anew() -> None:
    flights, work = Flights[int](), Work()
    first, second, third = await asked(flights, work, 3)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    work.done.set()
    assert await asyncio.gather(second, third) == [(2, True), (2, False)]
    assert work.cancelled == 1


async def test_one_that_waits_may_leave() -> None:
    flights, work = Flights[int](), Work()
    first, second, third = await asked(flights, work, 3)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    work.done.set()
    assert await asyncio.gather(first, third) == [(1, True), (1, False)]


async def test_a_failure_is_everybodys_and_not_kept() -> None:
    flights, work = Flights[int](), Work()
    work.errors = [ValueError("no")]
    tasks = await asked(flights, work, 3)
    work.done.set()
    assert [str(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == ["no"] * 3
    assert await flights.shared("k", work.make, LATER) == (2, True)


async def test_the_time_of_the_first_is_not_the_others() -> None:
    flights, work = Flights[int](), Work()
    work.errors = [RequestTimeout("time is up")]
    first, second = await asked(flights, work, 2)
    work.done.set()
    with pytest.raises(RequestTimeout):
        await first
    assert await second == (2, True)


async def test_who_has_no_time_left_does_not_begin_anew() -> None:
    flights, work = Flights[int](), Work()
    work.errors = [RequestTimeout("time is up")]
    tasks = await asked(flights, work, 2, until=0.0)
    work.done.set()
    assert [type(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == [RequestTimeout] * 2
    assert work.began == 1


async def test_everybody_is_on_board_before_the_first_goes_on_and_is_missed_if_gone() -> None:
    boarded: list[int] = []
    left: list[int] = []

    def board(value: int) -> None:
        boarded.append(value)
        if len(boarded) == 2:
            third.cancel()

    flights, work = Flights[int](boarded=board, left=left.append), Work()
    first, second, third = await asked(flights, work, 3)
    work.done.set()
    assert await first == (1, True)
    assert boarded == [1, 1]
    assert await second == (1, False)
    await asyncio.gather(third, return_exceptions=True)
    assert left == [1]
