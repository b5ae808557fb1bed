"""Padding: how much, where, and what it is filled with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., Any]


@pytest.mark.parametrize(("dpr", "size"), [(0.5, (120, 80)), (1, (240, 160)), (2, (480, 320))])
def test_padding_follows_dpr(dpr: float, size: tuple[int, int], rendered: Render, geometry: bytes) -> None:
    picture = rendered(f"padding:20:30:40:10/el:1/w:200/h:100/bg:f00/dpr:{dpr}", geometry)

    assert picture.size == size
    left, top = int(10 * dpr), int(20 * dpr)
    assert picture.pixel(left - 1, top) == picture.pixel(left, top - 1) == (255, 0, 0)
    assert max(picture.pixel(left, top)) <= 2
    assert picture.pixel(size[0] - int(30 * dpr), size[1] - int(40 * dpr) - 1) == (255, 0, 0)


@pytest.mark.parametrize(
    ("options", "box"),
    [
        ("pd:10", (10, 10, 10, 10)),
        ("pd:10:20", (10, 20, 10, 20)),
        ("pd:10:20:30", (10, 20, 30, 20)),
        ("pd:10:20:30:40", (10, 20, 30, 40)),
        ("pd::10", (0, 10, 0, 10)),
        ("pd:5/pd::7", (5, 7, 5, 7)),
        ("pd:", (0, 0, 0, 0)),
    ],
)
def test_sides_default_as_in_css(
    options: str, box: tuple[int, int, int, int], rendered: Render, geometry: bytes
) -> None:
    top, right, bottom, left = box

    picture = rendered(f"{options}/bg:00f", geometry)

    assert picture.size == (200 + left + right, 100 + top + bottom)
    assert picture.pixel(left, top) == (0, 0, 0)


def test_halves_are_rounded_to_even(rendered: Render, draw: Any) -> None:
    source = draw.coordinates(100, 100).pngsave_buffer()

    assert rendered("pd:3:5:3:5/dpr:0.5/w:100", source).size == (54, 54)


def test_what_is_added_stays_transparent_where_the_format_can_and_is_white_where_not(
    rendered: Render, geometry: bytes
) -> None:
    assert rendered("pd:10/f:png", geometry).pixel(0, 0) == (0, 0, 0, 0)
    assert rendered("pd:10/f:webp", geometry).pixel(0, 0)[3] == 0
    assert min(rendered("pd:10/f:jpg", geometry).pixel(0, 0)) >= 250


def test_it_makes_the_result_of_a_jpeg_a_png_unless_there_is_a_background(rendered: Render, draw: Any) -> None:
    webp = draw.scene(40, 40).webpsave_buffer()

    assert rendered("pd:4", webp).format.value == "png"
    assert rendered("pd:4/bg:fff", webp).format.value == "jpeg"
