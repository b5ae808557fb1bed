"""Who renders next: order, the slot that is kept, and counts that always add up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.pipeline.slots import EXPENSIVE_SECONDS, Claim, ClaimState, Slots

_ANIMATION = 5.0
_THUMBNAIL = 0.02


def _order(slots: Slots, claims: dict[str, Claim]) -> list[str]:
    """The names in the order in which claims are granted, one at a time."""
    names = {claim: name for name, claim in claims.items()}
    order = []
    while (claim := slots.grant()) is not None:
        order.append(names[claim])
        slots.release(claim)
    return order


def test_equal_pictures_are_served_as_they_came() -> None:
    slots = Slots(1)
    claims = {str(number): slots.claim(7.0, seconds=_THUMBNAIL, patience_seconds=10) for number in range(20)}

    assert _order(slots, claims) == [str(number) for number in range(20)]


def test_a_cheap_picture_passes_an_expensive_one_that_came_shortly_before() -> None:
    slots = Slots(1)
    claims = {
        "animation": slots.claim(0.0, seconds=_ANIMATION, patience_seconds=60),
        "large": slots.claim(0.1, seconds=0.3, patience_seconds=60),
        "small": slots.claim(0.2, seconds=_THUMBNAIL, patience_seconds=60),
    }

    assert _order(slots, claims) == ["small", "large", "animation"]


@pytest.mark.parametrize(("later", "first"), [(1.0, "thumbnail"), (19.9, "thumbnail"), (20.1, "animation")])
def test_an_expensive_picture_lets_others_pass_for_a_few_times_its_own_cost(later: float, first: str) -> None:
    slots = Slots(1)
    claims = {
        "animation": slots.claim(0.0, seconds=_ANIMATION, patience_seconds=60),
        "thumbnail": slots.claim(later, seconds=0, patience_seconds=60),
    }

    assert _order(slots, claims)[0] == first


@pytest.mark.parametrize(("later", "first"), [(2.4, "thumbnail"), (2.6, "animation")])
def test_an_expensive_picture_gives_away_half_of_its_spare_time_and_no_more(later: float, first: str) -> None:
    """10 s are left, 5 of them are needed: after 2.5 s of letting others pass it still has 2.5 s to wait."""
    slots = Slots(1)
    claims = {
        "animation": slots.claim(0.0, seconds=_ANIMATION, patience_seconds=10),
        "thumbnail": slots.claim(later, seconds=0, patience_seconds=10),
    }

    assert _order(slots, claims)[0] == first


def test_an_expensive_picture_is_not_starved_by_a_stream_of_cheap_ones() -> None:
    slots = Slots(1)
    animation = slots.claim(0.0, seconds=_ANIMATION, patience_seconds=10)
    for number in range(1000):
        now = number / 100
        slots.claim(now, seconds=_THUMBNAIL, patience_seconds=10)
        slots.claim(now, seconds=_THUMBNAIL, patience_seconds=10)
        claim = slots.grant()
        assert claim is not None
        if claim is animation:
            break
        slots.release(claim)

    assert animation.state is ClaimState.GRANTED


def test_expensive_pictures_leave_one_slot_to_cheap_ones() -> None:
    slots = Slots(3)
    animations = [slots.claim(0.0, seconds=_ANIMATION, patience_seconds=10) for _ in range(4)]

    granted = [slots.grant() for _ in range(4)]
    assert granted == [animations[0], animations[1], None, None]
    thumbnail = slots.claim(1.0, seconds=_THUMBNAIL, patience_seconds=10)
    assert slots.grant() is thumbnail
    slots.release(thumbnail)
    assert slots.grant() is None
    slots.release(animations[0])
    assert slots.grant() is animations[2]


def test_the_bound_itself_is_expensive() -> None:
    slots = Slots(2)
    for _ in range(2):
        slots.claim(0.0, seconds=EXPENSIVE_SECONDS, patience_seconds=10)

    assert slots.grant() is not None
    assert slots.grant() is None


def test_a_single_slot_is_for_everybody() -> None:
    slots = Slots(1)
    animation = slots.claim(0.0, seconds=_ANIMATION, patience_seconds=10)

    assert slots.grant() is animation


def test_a_claim_that_ends_while_it_waits_is_passed_over() -> None:
    slots = Slots(1)
    first, second = (slots.claim(0.0, seconds=0, patience_seconds=10) for _ in range(2))

    slots.release(first)

    assert slots.queued == 1
    assert slots.grant() is second
    assert slots.queued == 0


def test_ending_a_claim_twice_frees_one_slot() -> None:
    slots = Slots(1)
    first, second, third = (slots.claim(0.0, seconds=0, patience_seconds=10) for _ in range(3))
    assert slots.grant() is first
    slots.release(first)
    slots.release(first)

    assert slots.grant() is second
    assert slots.grant() is None
    assert slots.running == 1
    slots.release(third)
    slots.release(third)
    assert slots.queued == 0


def test_claims_that_left_are_forgotten_even_if_no_slot_is_ever_free() -> None:
    """Otherwise clients that come and go behind a long render would fill the memory."""
    slots = Slots(1)
    slots.claim(0.0, seconds=0, patience_seconds=10)
    slots.grant()
    for number in range(10_000):
        slots.release(slots.claim(float(number), seconds=number % 3, patience_seconds=10))

    assert slots.queued == 0
    assert slots.held <= 40


@settings(max_examples=200, deadline=None)
@given(count=st.integers(1, 4), seed=st.integers(0, 2**32))
def test_slots_and_claims_add_up_whatever_happens(count: int, seed: int) -> None:
    choose = random.Random(seed)
    slots = Slots(count)
    waiting: set[Claim] = set()
    granted: set[Claim] = set()
    for now in range(100):
        turn = choose.randrange(4)
        if turn == 0:
            seconds = choose.choice([0, 0.1, 2, float("inf")])
            waiting.add(slots.claim(float(now), seconds=seconds, patience_seconds=choose.uniform(0, 20)))
        elif turn == 1 and waiting | granted:
            ended = choose.choice(sorted(waiting | granted, key=id))
            slots.release(ended)
            waiting.discard(ended)
            granted.discard(ended)
        elif (claim := slots.grant()) is not None:
            waiting.remove(claim)
            granted.add(claim)
        assert slots.queued == len(waiting)
        assert slots.running == len(granted) <= count
    for left in granted:
        slots.release(left)
    order = _order(slots, {str(id(claim)): claim for claim in waiting})
    assert len(order) == len(waiting)
    assert (slots.queued, slots.running) == (0, 0)


def test_a_picture_takes_a_free_slot_where_nobody_waits() -> None:
    slots = Slots(2)
    first, second = slots.take(_THUMBNAIL), slots.take(_THUMBNAIL)

    assert first is not None
    assert second is not None
    assert first.state is second.state is ClaimState.GRANTED
    assert slots.running == 2
    assert slots.take(_THUMBNAIL) is None
    slots.release(first)
    assert slots.take(_THUMBNAIL) is not None


def test_an_expensive_picture_does_not_take_the_slot_that_is_kept() -> None:
    slots = Slots(2)

    assert slots.take(_ANIMATION) is not None
    assert slots.take(_ANIMATION) is None
    assert slots.take(_THUMBNAIL) is not None


def test_nobody_takes_a_slot_past_others() -> None:
    """Who waits may have just been given leave, or be about to."""
    slots = Slots(1)
    waiting = slots.claim(0.0, seconds=_THUMBNAIL, patience_seconds=10)

    assert slots.take(_THUMBNAIL) is None
    assert slots.grant() is waiting
    slots.release(waiting)
    assert slots.take(_THUMBNAIL) is not None
