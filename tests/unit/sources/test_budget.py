"""Who gets room for bytes, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from renderer.errors import RequestTimeout
from renderer.sources.budget import NO_LEASE, ByteBudget, Lease


async def settled() -> None:
    """Lets every task do what it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def holding(budget: ByteBudget, size: int) -> Lease:
    """A lease with so many bytes."""
    lease = budget.lease()
    await lease.grow(size)
    return lease


def later(work: Coroutine[None, None, object]) -> asyncio.Task[object]:
    """The work, begun."""
    return asyncio.get_running_loop().create_task(work)


async def test_bytes_are_counted_until_they_are_released() -> None:
    budget = ByteBudget(100)
    with await holding(budget, 60) as lease:
        assert (budget.held_bytes, lease.held_bytes) == (60, 60)
        lease.shrink_to(40)
        lease.shrink_to(70)
        assert budget.held_bytes == 40
    lease.release()

    assert budget.held_bytes == 0


async def test_who_finds_no_room_waits_in_line() -> None:
    budget = ByteBudget(100)
    first = await holding(budget, 80)
    big, small = later(holding(budget, 50)), later(holding(budget, 5))
    await settled()
    # There would be room for the small one, but then the big one might never get any.
    assert (big.done(), small.done(), budget.waiting) == (False, False, 2)

    first.release()
    await settled()

    assert (big.done(), small.done(), budget.held_bytes) == (True, True, 55)


async def test_growing_comes_before_starting() -> None:
    budget = ByteBudget(100)
    one, two = await holding(budget, 50), await holding(budget, 50)
    start, grow = later(holding(budget, 10)), later(one.grow(10))
    await settled()

    two.shrink_to(40)
    await settled()
    assert (grow.done(), start.done()) == (True, False)

    two.shrink_to(20)
    await settled()
    assert start.done()


async def test_when_all_want_to_grow_the_oldest_passes_until_it_is_whole() -> None:
    """Nobody can end, so somebody must pass; it is always the same one, so the excess is one source's."""
    budget = ByteBudget(90)
    leases = [await holding(budget, 30) for _ in range(3)]
    wishes = [later(lease.grow(10)) for lease in leases[1:]]
    await settled()
    assert budget.held_bytes == 90

    for _ in range(5):
        await leases[0].grow(10)
    await settled()
    assert [wish.done() for wish in wishes] == [False, False]
    assert budget.held_bytes == 140

    leases[0].release()
    await settled()
    assert [wish.done() for wish in wishes] == [True, True]
    assert budget.held_bytes == 80


async def test_a_holder_that_can_still_end_is_waited_for() -> None:
    budget = ByteBudget(90)
    leases = [await holding(budget, 30) for _ in range(3)]
    wishes = [later(lease.grow(40)) for lease in leases[:2]]
    await settled()
    assert [wish.done() for wish in wishes] == [False, False]

    leases[2].release()
    await settled()

    assert [wish.done() for wish in wishes] == [True, False]


@pytest.mark.parametrize("size", [101, 10_000])
async def test_more_than_the_budget_passes_alone(size: int) -> None:
    budget = ByteBudget(100)
    first = await holding(budget, 1)
    huge = later(holding(budget, size))
    await settled()
    assert not huge.done()

    first.release()
    await settled()

    assert budget.held_bytes == size


async def test_who_gives_up_is_passed_over() -> None:
    budget = ByteBudget(100)
    first = await holding(budget, 100)
    gone, next_one = later(holding(budget, 100)), later(holding(budget, 30))
    await settled()

    gone.cancel()
    first.shrink_to(70)
    await settled()

    assert (next_one.done(), budget.held_bytes, budget.waiting) == (True, 100, 0)


async def test_who_is_canceled_in_the_moment_of_the_grant_can_give_it_back() -> None:
    budget = ByteBudget(100)
    first = await holding(budget, 100)
    lease = budget.lease()
    waiting = later(lease.grow(50))
    await settled()

    first.release()
    waiting.cancel()
    await settled()
    lease.release()

    assert budget.held_bytes == 0


async def test_no_wait_is_endless() -> None:
    budget = ByteBudget(100, patience_seconds=0.01)
    first = await holding(budget, 100)

    with pytest.raises(RequestTimeout):
        await budget.lease().grow(1)

    assert (first.held_bytes, budget.waiting) == (100, 0)


async def test_without_a_limit_bytes_are_only_counted() -> None:
    budget = ByteBudget(0)
    leases = [await holding(budget, 10**12) for _ in range(3)]

    assert budget.held_bytes == 3 * 10**12
    assert len(leases) == 3


async def test_the_lease_of_nobody_grants_everything() -> None:
    await NO_LEASE.grow(10**12)
    assert NO_LEASE.try_grow(1)
    NO_LEASE.release()

    assert NO_LEASE.held_bytes == 0


async def test_many_that_grow_in_steps_all_end() -> None:
    """Fifty sources of ten steps in a budget of four sources: no order of steps ends in a standstill."""
    budget = ByteBudget(400)
    most = 0

    async def download(number: int) -> None:
        nonlocal most
        with budget.lease() as lease:
            for _ in range(10):
                await lease.grow(10)
                most = max(most, budget.held_bytes)
                for _ in range(number % 4):
                    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await asyncio.gather(*(download(number) for number in range(50)))

    assert budget.held_bytes == 0
    assert most <= 400 + 100
