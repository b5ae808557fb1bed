"""One acquisition at a time, for everybody who waits."""

from __future__ import annotations

import asyncio

import pytest

from renderer.sources.shared_value import SharedValue


class Numbers:
    """Gives numbers, each when it is let; every second one fails."""

    def __init__(self) -> None:
        self.acquisitions = 0
        self.may_end = asyncio.Event()

    async def acquire(self) -> int:
        """The number of this acquisition."""
        self.acquisitions += 1
        number = self.acquisitions
        await self.may_end.wait()
        if number % 2 == 0:
            raise ValueError(number)
        return number


async def test_who_asks_meanwhile_waits_for_the_same_acquisition() -> None:
    """One that gives up takes it from nobody."""
    numbers = Numbers()
    shared = SharedValue(numbers.acquire)
    hasty, *patient = (asyncio.create_task(shared.acquired()) for _ in range(3))
    await asyncio.sleep(0)

    hasty.cancel()
    numbers.may_end.set()

    assert await asyncio.gather(*patient) == [1, 1]
    assert hasty.cancelled()
    assert numbers.acquisitions == 1


async def test_a_failure_reaches_all_who_wait_and_nobody_after() -> None:
    numbers = Numbers()
    numbers.may_end.set()
    shared = SharedValue(numbers.acquire)
    assert await shared.acquired() == 1

    failed = await asyncio.gather(shared.acquired(), shared.acquired(), return_exceptions=True)

    assert [str(error) for error in failed] == ["2", "2"]
    assert await shared.acquired() == 3


async def test_closing_ends_what_runs() -> None:
    numbers = Numbers()
    shared = SharedValue(numbers.acquire)
    waiting = asyncio.create_task(shared.acquired())
    await asyncio.sleep(0)

    await shared.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
