"""The arithmetic of sizes and positions, with imgproxy's rounding (spec 02 sections 0.2 and 3.6).

Sizes round half away from zero, offsets and paddings half to even. Both matter: a centered crop is off by one for some
differences, and thumbnails in the wild were laid out around that.
"""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

from renderer.options.arguments import Gravity, GravityType

FURTHEST: Final = 1e9
"""Pixels that lie outside any picture. An offset of more means the same, because positions stay near the picture."""


class Size(Struct, frozen=True):
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def turned(self) -> Size:
        """The size after a quarter turn."""
        return Size(self.height, self.width)


NOTHING: Final = Size(0, 0)
"""No size: a side of 0 is left alone wherever sizes are planned."""


class Offset(Struct, frozen=True):
    """Pixels from the left and from the top."""

    left: int
    top: int


def rounded(value: float) -> int:
    """Half away from zero."""
    if value < 0:
        return -rounded(-value)
    whole = math.floor(value)
    # Adding a half before flooring would turn 0.49999999999999994 into 1.
    return whole + (value - whole >= 0.5)


def rounded_even(value: float) -> int:
    """Half to even; at most `FURTHEST` in either direction, infinity included."""
    return round(max(-FURTHEST, min(value, FURTHEST)))


def scaled(length: int, factor: float) -> int:
    """A length times a factor, half away from zero; 0 stays 0."""
    return rounded(length * factor) if length else 0


def scaled_even(length: float, factor: float) -> int:
    """A length times a factor, half to even; 0 stays 0."""
    return rounded_even(length * factor) if length else 0


def shrunk(length: int, factor: float) -> int:
    """A length divided by a factor, half away from zero; 0 stays 0."""
    return rounded(length / factor) if length else 0


def smaller(a: int, b: int) -> int:
    """The smaller of two lengths of which 0 means none."""
    if not a or not b:
        return a or b
    return a if a < b else b  # noqa: FURB136  `min` takes three times as long, and every plan asks eight times


_NORTH = frozenset({GravityType.NORTH, GravityType.NORTH_EAST, GravityType.NORTH_WEST})
_SOUTH = frozenset({GravityType.SOUTH, GravityType.SOUTH_EAST, GravityType.SOUTH_WEST})
_EAST = frozenset({GravityType.EAST, GravityType.NORTH_EAST, GravityType.SOUTH_EAST})
_WEST = frozenset({GravityType.WEST, GravityType.NORTH_WEST, GravityType.SOUTH_WEST})


def position(outer: Size, inner: Size, gravity: Gravity, dpr: float = 1.0, *, may_overflow: bool = False) -> Offset:
    """Where an inner box lies in an outer one.

    Args:
        outer: the containing box; relative offsets are shares of it.
        inner: the box that is placed.
        gravity: those of south and east point inward.
        dpr: offsets from 1 upwards are pixels times this.
        may_overflow: only one pixel has to stay inside; otherwise the inner box is kept inside.
    """
    if gravity.type is GravityType.FOCUS_POINT:
        left = scaled_even(outer.width, gravity.x) - inner.width // 2
        top = scaled_even(outer.height, gravity.y) - inner.height // 2
    else:
        x, y = _pixels(gravity.x, outer.width, dpr), _pixels(gravity.y, outer.height, dpr)
        left = _along(outer.width - inner.width, x, is_start=gravity.type in _WEST, is_end=gravity.type in _EAST)
        top = _along(outer.height - inner.height, y, is_start=gravity.type in _NORTH, is_end=gravity.type in _SOUTH)
    if may_overflow:
        return Offset(
            _clamped(left, 1 - inner.width, outer.width - 1), _clamped(top, 1 - inner.height, outer.height - 1)
        )
    return Offset(_clamped(left, 0, outer.width - inner.width), _clamped(top, 0, outer.height - inner.height))


def _pixels(offset: float, length: int, dpr: float) -> int:
    return rounded_even(offset * dpr) if abs(offset) >= 1 else scaled_even(length, offset)


def _along(room: int, offset: int, *, is_start: bool, is_end: bool) -> int:
    if is_start:
        return offset
    if is_end:
        return room - offset
    return rounded_even((room + 1) / 2) + offset


def _clamped(value: int, low: int, high: int) -> int:
    # The upper bound first: a box larger than its container starts at the lower one.
    return max(min(value, high), low)


_FLIPPED_X = {
    GravityType.EAST: GravityType.WEST,
    GravityType.WEST: GravityType.EAST,
    GravityType.NORTH_EAST: GravityType.NORTH_WEST,
    GravityType.NORTH_WEST: GravityType.NORTH_EAST,
    GravityType.SOUTH_EAST: GravityType.SOUTH_WEST,
    GravityType.SOUTH_WEST: GravityType.SOUTH_EAST,
}
_FLIPPED_Y = {
    GravityType.NORTH: GravityType.SOUTH,
    GravityType.SOUTH: GravityType.NORTH,
    GravityType.NORTH_EAST: GravityType.SOUTH_EAST,
    GravityType.SOUTH_EAST: GravityType.NORTH_EAST,
    GravityType.NORTH_WEST: GravityType.SOUTH_WEST,
    GravityType.SOUTH_WEST: GravityType.NORTH_WEST,
}
_TURNED_90 = {
    GravityType.NORTH: GravityType.WEST,
    GravityType.EAST: GravityType.NORTH,
    GravityType.SOUTH: GravityType.EAST,
    GravityType.WEST: GravityType.SOUTH,
    GravityType.NORTH_WEST: GravityType.SOUTH_WEST,
    GravityType.NORTH_EAST: GravityType.NORTH_WEST,
    GravityType.SOUTH_WEST: GravityType.SOUTH_EAST,
    GravityType.SOUTH_EAST: GravityType.NORTH_EAST,
}
_TURNED_180 = {type: _TURNED_90[_TURNED_90[type]] for type in _TURNED_90}
_TURNED_270 = {type: _TURNED_90[_TURNED_180[type]] for type in _TURNED_90}

_CENTERED_X = frozenset({GravityType.CENTER, GravityType.NORTH, GravityType.SOUTH})
_CENTERED_Y = frozenset({GravityType.CENTER, GravityType.EAST, GravityType.WEST})


def before_turning(gravity: Gravity, angle: int, *, flip_x: bool = False, flip_y: bool = False) -> Gravity:
    """The gravity that, applied before a picture is turned and flipped, means what `gravity` means afterwards.

    The offsets' signs follow the table of spec 02 section 3.6; its tests use the type after the turn.
    """
    if flip_x:
        gravity = _flipped_x(gravity)
    if flip_y:
        gravity = _flipped_y(gravity)
    turn = {90: _turned_90, 180: _turned_180, 270: _turned_270}.get(angle)
    return turn(gravity) if turn else gravity


def _flipped_x(gravity: Gravity) -> Gravity:
    type, x, y = gravity.type, gravity.x, gravity.y
    if type is GravityType.FOCUS_POINT:
        return Gravity(type=type, x=1 - x, y=y)
    return Gravity(type=_FLIPPED_X.get(type, type) if type else type, x=-x if type in _CENTERED_X else x, y=y)


def _flipped_y(gravity: Gravity) -> Gravity:
    type, x, y = gravity.type, gravity.x, gravity.y
    if type is GravityType.FOCUS_POINT:
        return Gravity(type=type, x=x, y=1 - y)
    return Gravity(type=_FLIPPED_Y.get(type, type) if type else type, x=x, y=-y if type in _CENTERED_Y else y)


def _turned_90(gravity: Gravity) -> Gravity:
    x, y = gravity.x, gravity.y
    type = _TURNED_90.get(gravity.type, gravity.type) if gravity.type else None
    if type is GravityType.FOCUS_POINT:
        return Gravity(type=type, x=y, y=1 - x)
    if type in _CENTERED_Y:
        return Gravity(type=type, x=y, y=-x)
    return Gravity(type=type, x=y, y=x)


def _turned_180(gravity: Gravity) -> Gravity:
    x, y = gravity.x, gravity.y
    type = _TURNED_180.get(gravity.type, gravity.type) if gravity.type else None
    if type is GravityType.FOCUS_POINT:
        return Gravity(type=type, x=1 - x, y=1 - y)
    return Gravity(type=type, x=-x if type in _CENTERED_X else x, y=-y if type in _CENTERED_Y else y)


def _turned_270(gravity: Gravity) -> Gravity:
    x, y = gravity.x, gravity.y
    type = _TURNED_270.get(gravity.type, gravity.type) if gravity.type else None
    if type is GravityType.FOCUS_POINT:
        return Gravity(type=type, x=1 - y, y=x)
    if type in _CENTERED_X:
        return Gravity(type=type, x=-y, y=x)
    return Gravity(type=type, x=y, y=x)
