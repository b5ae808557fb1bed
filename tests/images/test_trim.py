"""Borders that `trim` removes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., Any]


@pytest.fixture(scope="module")
def nested(draw: Any) -> bytes:
    """Grey frames around a white 200 x 100: each darker one is 10 pixels wide on the left and at the top, 20 on the
    right and at the bottom, so that every threshold stops at another one.
    """
    image = draw.flat(200, 100, (255,))
    for step, level in enumerate((230, 180, 120, 50, 0)):
        canvas = draw.flat(200 + 30 * (step + 1), 100 + 30 * (step + 1), (level,))
        image = canvas.insert(image, 10, 10)
    return image.pngsave_buffer()


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("t:5", (320, 220)),
        ("t:100", (290, 190)),
        ("t:150", (260, 160)),
        ("t:200", (230, 130)),
        ("t:240", (200, 100)),
        ("t:0", (320, 220)),
        ("t:0:ff0000", (350, 250)),
        ("trim:5::1", (330, 220)),
        ("trim:5:::1", (320, 230)),
        ("trim:5::1:1", (330, 230)),
        ("t:300", (350, 250)),
        ("t:5/t:", (350, 250)),
        ("t::ff0000", (350, 250)),
    ],
)
def test_the_threshold_says_how_far_the_border_reaches(
    options: str, size: tuple[int, int], rendered: Render, nested: bytes
) -> None:
    """A picture of nothing but border, and one without a threshold, stays as it is."""
    assert rendered(options, nested).size == size


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("t:1", (60, 40)),
        ("t:1:0000ff", (60, 40)),
        ("t:1:ff0000", (90, 110)),
        ("t:1::1", (80, 40)),
        ("t:1:::1", (60, 100)),
        ("t:1::1:1", (80, 100)),
    ],
)
def test_the_color_is_that_of_the_first_pixel_or_the_one_that_is_named(
    options: str, size: tuple[int, int], rendered: Render, draw: Any
) -> None:
    source = draw.bordered((0, 0, 255), (0, 200, 0), (5, 5, 25, 65)).pngsave_buffer()

    assert rendered(options, source).size == size


def test_transparent_pixels_are_tested_as_magenta_and_stay_transparent(rendered: Render, draw: Any) -> None:
    around = draw.bordered((9, 9, 9, 0), (0, 200, 0, 255), (7, 8, 9, 10))
    inside = around.insert(draw.flat(4, 4, (1, 2, 3, 0)), 30, 30)
    source = inside.pngsave_buffer()

    picture = rendered("t:1:ff00ff", source)

    assert picture.size == (60, 40)
    assert picture.pixel(0, 0) == (0, 200, 0, 255)
    assert picture.pixel(30 - 7, 30 - 8)[3] == 0
    assert rendered("t:1", source).size == (60, 40)


def test_trim_comes_before_everything_that_resizes(rendered: Render, draw: Any) -> None:
    source = draw.bordered((0, 0, 255), (0, 200, 0), (10, 20, 30, 40)).pngsave_buffer()

    assert rendered("t:1/w:30", source).size == (30, 20)
    assert rendered("t:1/w:500", source).size == (60, 40)


def test_the_border_of_a_jpeg_is_found_before_anything_shrinks_it(rendered: Render, draw: Any) -> None:
    image = draw.bordered((0, 0, 255), (0, 200, 0), (100, 100, 100, 100))
    source = image.jpegsave_buffer(Q=100)

    assert rendered("t:30/w:10", source).size == (10, 7)


def test_a_trimmed_drawing_is_a_raster_that_is_not_enlarged(rendered: Render) -> None:
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"><rect width="100" height="50" fill="blue"/>'
        b'<rect x="10" y="10" width="80" height="30" fill="red"/></svg>'
    )

    assert rendered("w:400/f:png", svg).size == (400, 200)
    assert rendered("t:10/w:400/f:png", svg).size == (80, 30)


def test_sides_and_corner_are_those_of_the_stored_raster(rendered: Render, draw: Any) -> None:
    """`equal_hor` acts before the picture is turned."""
    source = draw.bordered((0, 0, 255), (0, 200, 0), (5, 0, 25, 0)).pngsave_buffer()

    assert rendered("t:1::1/rot:90", source).size == (40, 80)
