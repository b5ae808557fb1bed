"""Gravities before a picture is turned: the table, and what it is for."""

from __future__ import annotations

import itertools

import pytest

from renderer.options.arguments import Gravity, GravityType
from renderer.pipeline.geometry import Offset, Size, before_turning, position

COMPASS = "ce no so ea we noea nowe soea sowe".split()


def gravity(type: str, x: float = 0, y: float = 0) -> Gravity:
    """A gravity by the word that URLs have for it."""
    return Gravity(type=GravityType(type), x=x, y=y)


@pytest.mark.parametrize(
    ("angle", "types", "offsets"),
    [
        (0, COMPASS, dict.fromkeys(COMPASS, (3, 5))),
        (
            90,
            "ce we ea no so nowe sowe noea soea".split(),
            {"ce": (5, -3), "no": (5, -3), "so": (5, -3)} | dict.fromkeys(COMPASS[3:], (5, 3)),
        ),
        (
            180,
            "ce so no we ea sowe soea nowe noea".split(),
            {"ce": (-3, -5), "no": (-3, 5), "so": (-3, 5), "ea": (3, -5), "we": (3, -5)}
            | dict.fromkeys(COMPASS[5:], (3, 5)),
        ),
        (
            270,
            "ce ea we so no soea noea sowe nowe".split(),
            {"ce": (-5, 3), "no": (5, 3), "so": (5, 3), "ea": (-5, 3), "we": (-5, 3)}
            | dict.fromkeys(COMPASS[5:], (5, 3)),
        ),
    ],
)
def test_a_turn_moves_types_and_signs_of_offsets(
    angle: int, types: list[str], offsets: dict[str, tuple[float, float]]
) -> None:
    """A turn moves each type around the compass and changes the signs of offsets along centered axes."""
    for before, after in zip(COMPASS, types, strict=True):
        assert before_turning(gravity(before, 3, 5), angle) == gravity(after, *offsets[before]), before


@pytest.mark.parametrize(
    ("type", "flipped_x", "flipped_y"),
    [
        ("ce", ("ce", -3, 5), ("ce", 3, -5)),
        ("no", ("no", -3, 5), ("so", 3, 5)),
        ("so", ("so", -3, 5), ("no", 3, 5)),
        ("ea", ("we", 3, 5), ("ea", 3, -5)),
        ("we", ("ea", 3, 5), ("we", 3, -5)),
        ("noea", ("nowe", 3, 5), ("soea", 3, 5)),
        ("nowe", ("noea", 3, 5), ("sowe", 3, 5)),
        ("soea", ("sowe", 3, 5), ("noea", 3, 5)),
        ("sowe", ("soea", 3, 5), ("nowe", 3, 5)),
    ],
)
def test_a_flip_exchanges_opposites(
    type: str, flipped_x: tuple[str, float, float], flipped_y: tuple[str, float, float]
) -> None:
    """A flip exchanges opposites along its axis, or the sign of the offset where that axis is centered."""
    assert before_turning(gravity(type, 3, 5), 0, flip_x=True) == gravity(*flipped_x)
    assert before_turning(gravity(type, 3, 5), 0, flip_y=True) == gravity(*flipped_y)


@pytest.mark.parametrize(
    ("angle", "flip_x", "flip_y", "expected"),
    [
        (0, True, False, (0.75, 0.125)),
        (0, False, True, (0.25, 0.875)),
        (90, False, False, (0.125, 0.75)),
        (180, False, False, (0.75, 0.875)),
        (270, False, False, (0.875, 0.25)),
        (90, True, False, (0.125, 0.25)),
        (90, False, True, (0.875, 0.75)),
    ],
)
def test_a_focus_point_turns_with_the_picture(
    *, angle: int, flip_x: bool, flip_y: bool, expected: tuple[float, float]
) -> None:
    """A focus point turns with the picture."""
    turned = before_turning(gravity("fp", 0.25, 0.125), angle, flip_x=flip_x, flip_y=flip_y)

    assert turned == gravity("fp", *expected)


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_smart_gravity_is_the_same_from_all_sides(angle: int) -> None:
    """Smart gravity is the same from all sides, and so is none at all."""
    assert before_turning(gravity("sm"), angle, flip_x=True, flip_y=True) == gravity("sm")
    assert before_turning(Gravity(), angle, flip_x=True, flip_y=True).type is None


def turned_box(
    box: tuple[int, int, int, int], raster: Size, angle: int, *, flip_x: bool, flip_y: bool
) -> tuple[int, int, int, int]:
    """Where a box lies after its raster was turned clockwise and then flipped: left, top, width, height."""
    left, top, width, height = box
    for _ in range(angle // 90):
        left, top, width, height = raster.height - top - height, left, height, width
        raster = raster.turned
    if flip_x:
        left = raster.width - left - width
    if flip_y:
        top = raster.height - top - height
    return left, top, width, height


@pytest.mark.parametrize("type", [*COMPASS, "fp"])
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_cutting_before_turning_gives_what_cutting_afterwards_would(type: str, angle: int) -> None:
    """Cutting before turning gives the box that cutting afterwards would, in corners exactly.

    Centers and focus points round to one side, which the turn exchanges: they may lie two pixels off.
    """
    stored, inner = Size(120, 75), Size(31, 22)
    shown = stored.turned if angle % 180 else stored
    offsets = [(0.2, 0.7), (0.5, 0.1)] if type == "fp" else [(0, 0), (7, 3), (-7, 3), (0.1, 0.2)]
    tolerance = 0 if len(type) == 4 else 2
    for flip_x, flip_y, (x, y) in itertools.product([False, True], [False, True], offsets):
        wanted = gravity(type, x, y)
        before = before_turning(wanted, angle, flip_x=flip_x, flip_y=flip_y)
        cut = inner.turned if angle % 180 else inner
        at = position(stored, cut, before)
        box = turned_box((at.left, at.top, cut.width, cut.height), stored, angle, flip_x=flip_x, flip_y=flip_y)
        expected = position(shown, inner, wanted)
        assert box[2:] == (inner.width, inner.height)
        assert _distance(Offset(*box[:2]), expected) <= tolerance, (flip_x, flip_y, x, y)


def _distance(one: Offset, other: Offset) -> int:
    return max(abs(one.left - other.left), abs(one.top - other.top))
