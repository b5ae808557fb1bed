"""Work that several ask for at one time is done once, and ends when nobody wants it any more."""

from __future__ import annotations

import asyncio

import pytest

from renderer.flights import Flights, Seat


class Work:
    """Work that ends when it is told to; counts its beginnings and cancellations."""

    def __init__(self) -> None:
        self.began = self.cancelled = 0
        self.done = asyncio.Event()
        self.error: Exception | None = None

    async def start(self) -> int:
        """How often it has begun, once it is done."""
        self.began += 1
        try:
            await self.done.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return self.began


async def ask(flights: Flights[int], work: Work, key: str = "k") -> int:
    with flights.join(key, work.start) as seat:
        return await seat.landed()


async def asked(flights: Flights[int], work: Work, count: int) -> list[asyncio.Task[int]]:
    """So many askers who wait."""
    tasks = [asyncio.create_task(ask(flights, work)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_work_is_done_once_for_all() -> None:
    flights, work = Flights[int](), Work()
    tasks = await asked(flights, work, 1000)
    work.done.set()
    assert await asyncio.gather(*tasks) == [1] * 1000
    assert flights.joined == 999
    assert not len(flights)


async def test_other_keys_are_other_work() -> None:
    flights, work = Flights[int](), Work()
    work.done.set()
    await asyncio.gather(ask(flights, work, "a"), ask(flights, work, "b"))
    assert work.began == 2


async def test_who_asks_after_the_end_gets_new_work() -> None:
    flights, work = Flights[int](), Work()
    work.done.set()
    assert [await ask(flights, work), await ask(flights, work)] == [1, 2]


async def test_the_first_may_leave() -> None:
    flights, work = Flights[int](), Work()
    first, second = await asked(flights, work, 2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    work.done.set()
    assert await second == 1
    assert not work.cancelled


async def test_work_is_cancelled_when_the_last_has_left() -> None:
    flights, work = Flights[int](), Work()
    tasks = await asked(flights, work, 3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await flights.close()
    assert work.cancelled == 1
    work.done.set()
    assert await ask(flights, work) == 2


async def test_a_failure_is_everybodys_and_not_kept() -> None:
    flights, work = Flights[int](), Work()
    work.error = ValueError("no")
    tasks = await asked(flights, work, 3)
    work.done.set()
    assert [str(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == ["no"] * 3
    work.error = None
    assert await ask(flights, work) == 2


async def sitting(flights: Flights[int], work: Work) -> Seat[int]:
    """A seat in a flight that has landed."""
    seat = flights.join("k", work.start)
    await seat.landed()
    return seat


async def test_others_join_while_somebody_uses_the_value() -> None:
    released: list[int] = []
    flights, work = Flights[int](lingering_seconds=60, release=released.append), Work()
    work.done.set()
    with await sitting(flights, work):
        assert await ask(flights, work) == 1
        assert not released
    assert released == [1]


async def test_nobody_joins_when_the_value_has_got_old() -> None:
    released: list[int] = []
    flights, work = Flights[int](lingering_seconds=1e-9, release=released.append), Work()
    work.done.set()
    with await sitting(flights, work):
        await asyncio.sleep(0.001)  # the clock has to move, nothing else is waited for
        assert await ask(flights, work) == 2
    assert sorted(released) == [1, 2]


async def test_nobody_joins_what_all_have_left() -> None:
    released: list[int] = []
    flights, work = Flights[int](lingering_seconds=60, release=released.append), Work()
    work.done.set()
    assert [await ask(flights, work), await ask(flights, work)] == [1, 2]
    assert released == [1, 2]


async def test_a_failure_is_not_released() -> None:
    released: list[int] = []
    flights, work = Flights[int](lingering_seconds=60, release=released.append), Work()
    work.error = ValueError("no")
    work.done.set()
    with pytest.raises(ValueError, match="no"):
        await ask(flights, work)
    assert not released
    assert not len(flights)
