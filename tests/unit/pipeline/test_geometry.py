"""Rounding, and where boxes lie."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from renderer.options.arguments import Gravity, GravityType
from renderer.pipeline.geometry import (
    FURTHEST,
    Offset,
    Size,
    position,
    rounded,
    rounded_even,
    scaled,
    scaled_even,
    shrunk,
    smaller,
)


def gravity(type: str, x: float = 0, y: float = 0) -> Gravity:
    """A gravity by the word that URLs have for it."""
    return Gravity(type=GravityType(type), x=x, y=y)


@pytest.mark.parametrize(
    ("value", "away", "even"),
    [
        (0, 0, 0),
        (0.4, 0, 0),
        (0.5, 1, 0),
        (0.49999999999999994, 0, 0),
        (0.6, 1, 1),
        (1.5, 2, 2),
        (2.5, 3, 2),
        (3.5, 4, 4),
        (-0.4, 0, 0),
        (-0.5, -1, 0),
        (-1.5, -2, -2),
        (-2.5, -3, -2),
        (2.4999999999999996, 2, 2),
        (4503599627370497.5, 4503599627370498, FURTHEST),
    ],
)
def test_halves_go_away_from_zero_or_to_the_even_number(value: float, away: int, even: int) -> None:
    """Halves go away from zero in sizes, and to the even number in offsets."""
    assert rounded(value) == away
    assert rounded_even(value) == even


@pytest.mark.parametrize("value", [1e308, math.inf, 2**70])
def test_an_offset_beyond_everything_stays_a_number(value: float) -> None:
    """An offset beyond everything, infinity included, stays a number outside any picture."""
    assert rounded_even(value) == FURTHEST
    assert rounded_even(-value) == -FURTHEST


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_size_beyond_everything_is_an_error(value: float) -> None:
    """A size that is no number is an error, which plans turn into an answer."""
    with pytest.raises((OverflowError, ValueError)):
        rounded(value)


@pytest.mark.parametrize(
    ("function", "length", "factor", "result"),
    [
        (scaled, 0, 100.0, 0),
        (scaled, 5, 0.5, 3),
        (scaled, 3, 0.5, 2),
        (scaled, 1, 0.4, 0),
        (scaled_even, 0, 100.0, 0),
        (scaled_even, 5, 0.5, 2),
        (scaled_even, 3, 0.5, 2),
        (scaled_even, 7, 0.5, 4),
        (shrunk, 0, 2.0, 0),
        (shrunk, 5, 2.0, 3),
        (shrunk, 100, 3.0, 33),
    ],
)
def test_lengths_are_scaled_and_rounded(
    function: Callable[[int, float], int], length: int, factor: float, result: int
) -> None:
    """Lengths are scaled and rounded, each in its way; nothing stays nothing."""
    assert function(length, factor) == result


@pytest.mark.parametrize(("a", "b", "result"), [(0, 0, 0), (0, 5, 5), (5, 0, 5), (5, 3, 3), (3, 5, 3)])
def test_the_smaller_of_two_lengths_is_one_that_is_there(a: int, b: int, result: int) -> None:
    """The smaller of two lengths is one that is there."""
    assert smaller(a, b) == result


def test_a_size_is_turned_by_exchanging_its_sides() -> None:
    """A size is turned by exchanging its sides."""
    assert Size(3, 5).turned == Size(5, 3)


@pytest.mark.parametrize(
    ("outer", "inner", "left"),
    [
        (122, 120, 2),
        (124, 120, 2),
        (126, 120, 4),
        (128, 120, 4),
        (121, 120, 1),
        (123, 120, 2),
        (125, 120, 3),
        (120, 118, 2),
        (120, 120, 0),
    ],
)
def test_the_center_is_off_by_one_for_some_differences(outer: int, inner: int, left: int) -> None:
    """The center is off by one for differences of two more than a multiple of four, as recorded."""
    expected = Offset(min(left, outer - inner), 0)

    assert position(Size(outer, 50), Size(inner, 50), gravity("ce")) == expected
    assert position(Size(50, outer), Size(50, inner), gravity("ce")) == Offset(0, expected.left)


OUTER, INNER = Size(100, 80), Size(40, 20)


@pytest.mark.parametrize(
    ("type", "plain", "moved"),
    [
        ("ce", (30, 30), (35, 37)),
        ("no", (30, 0), (35, 7)),
        ("so", (30, 60), (35, 53)),
        ("we", (0, 30), (5, 37)),
        ("ea", (60, 30), (55, 37)),
        ("nowe", (0, 0), (5, 7)),
        ("noea", (60, 0), (55, 7)),
        ("sowe", (0, 60), (5, 53)),
        ("soea", (60, 60), (55, 53)),
    ],
)
def test_offsets_point_inward_from_the_edge_that_is_named(
    type: str, plain: tuple[int, int], moved: tuple[int, int]
) -> None:
    """Offsets point inward from the edge that is named, and to the right and down from the center."""
    assert position(OUTER, INNER, gravity(type)) == Offset(*plain)
    assert position(OUTER, INNER, gravity(type, 5, 7)) == Offset(*moved)


@pytest.mark.parametrize(
    ("at", "dpr", "left", "top"),
    [
        (gravity("nowe", 10, 10), 1, 10, 10),
        (gravity("nowe", 10, 10), 2, 20, 20),
        (gravity("nowe", 5, 7), 0.5, 2, 4),
        (gravity("nowe", 0.1, 0.1), 1, 10, 8),
        (gravity("nowe", 0.1, 0.1), 2, 10, 8),
        (gravity("nowe", 0.999, 1), 1, 60, 1),
        (gravity("nowe", 0.025, 0.03125), 1, 2, 2),
        (gravity("soea", 0.1, 0.1), 1, 50, 52),
        (gravity("ce", -0.1, -0.25), 1, 20, 10),
    ],
)
def test_offsets_below_one_are_shares_of_the_outer_side(at: Gravity, dpr: float, left: int, top: int) -> None:
    """Offsets from one upwards are pixels times dpr, those below are shares of the outer side without dpr."""
    assert position(OUTER, INNER, at, dpr) == Offset(left, top)


@pytest.mark.parametrize(
    ("x", "y", "inner", "left", "top"),
    [
        (0.5, 0.5, Size(40, 20), 30, 30),
        (0.5, 0.5, Size(41, 21), 30, 30),
        (0, 0, Size(40, 20), 0, 0),
        (1, 1, Size(40, 20), 60, 60),
        (0.3, 0.7, Size(40, 20), 10, 46),
        (0.025, 0.5, Size(1, 1), 2, 40),
        (40, 2, Size(40, 20), 60, 60),
    ],
)
def test_a_focus_point_is_in_the_middle_as_far_as_there_is_room(
    x: float, y: float, inner: Size, left: int, top: int
) -> None:
    """A focus point is in the middle of the inner box as far as there is room; dpr does not matter."""
    for dpr in (1.0, 2.0):
        assert position(OUTER, inner, gravity("fp", x, y), dpr) == Offset(left, top)


@pytest.mark.parametrize(
    ("type", "x", "inside", "overflowing"),
    [
        ("nowe", -10, 0, -10),
        ("nowe", -300, 0, -39),
        ("nowe", 70, 60, 70),
        ("nowe", 300, 60, 99),
        ("noea", -10, 60, 70),
        ("noea", 300, 0, -39),
        ("no", -1000, 0, -39),
        ("nowe", 1e308, 60, 99),
        ("noea", 1e308, 0, -39),
        ("ce", -1e308, 0, -39),
        ("fp", 1e308, 60, 99),
    ],
)
def test_a_box_stays_inside_or_at_least_in_touch(type: str, x: float, inside: int, overflowing: int) -> None:
    """A box stays inside, or where it may overflow at least one pixel of it does, however far the offset is."""
    for dpr in (1.0, 10.0) if abs(x) > 1e300 else (1.0,):
        assert position(OUTER, INNER, gravity(type, x), dpr).left == inside
        assert position(OUTER, INNER, gravity(type, x), dpr, may_overflow=True).left == overflowing


def test_a_box_larger_than_its_container_starts_at_its_corner() -> None:
    """A box larger than its container starts at its corner; one that may overflow is centered over it."""
    assert position(Size(10, 10), Size(30, 40), gravity("soea")) == Offset(0, 0)
    assert position(Size(10, 10), Size(31, 41), gravity("ce"), may_overflow=True) == Offset(-10, -15)
