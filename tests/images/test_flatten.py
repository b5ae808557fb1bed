"""What stands behind transparent pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., Any]


@pytest.fixture(scope="module")
def glass(draw: Any) -> bytes:
    """Left half transparent, right half red at alpha 128."""
    return draw.flat(8, 16, (0, 0, 255, 0)).join(draw.flat(8, 16, (255, 0, 0, 128)), "horizontal").pngsave_buffer()


@pytest.mark.parametrize(
    ("option", "behind"),
    [
        ("background:00ff00", (0, 255, 0)),
        ("bg:0f0", (0, 255, 0)),
        ("bg:0:255:0", (0, 255, 0)),
        ("bg:128:129:130", (128, 129, 130)),
        ("bg:fff", (255, 255, 255)),
    ],
)
def test_a_background_shows_through_by_alpha(
    option: str, behind: tuple[int, int, int], rendered: Render, glass: bytes
) -> None:
    picture = rendered(f"{option}/f:png", glass)

    assert picture.pixel(2, 2) == behind
    mixed = [round((128 * front + 127 * back) / 255) for front, back in zip((255, 0, 0), behind, strict=True)]
    assert all(abs(a - b) <= 1 for a, b in zip(picture.pixel(12, 2), mixed, strict=True))


def test_an_empty_background_takes_back_an_earlier_one(rendered: Render, glass: bytes) -> None:
    assert rendered("bg:0f0/bg:/f:png", glass).pixel(2, 2)[3] == 0


def test_a_format_without_alpha_gets_white(rendered: Render, glass: bytes) -> None:
    assert min(rendered("f:jpg/q:100", glass).pixel(1, 2)) >= 250


def test_a_background_makes_the_result_of_a_transparent_source_a_jpeg(rendered: Render, glass: bytes) -> None:
    """Unless the source's own format is a preferred one, as PNG is."""
    source = rendered("f:webp", glass).data

    assert rendered("", source).format.value == "png"
    assert rendered("bg:fff", source).format.value == "jpeg"
    assert rendered("bg:fff", glass).format.value == "png"


_SPACES = {
    "b-w": ((90, 128), "uchar"),
    "grey16": ((90 * 257, 128 * 257), "ushort"),
    "srgb": ((90, 60, 30, 128), "uchar"),
    "rgb16": ((90 * 257, 60 * 257, 30 * 257, 128 * 257), "ushort"),
}


@pytest.mark.parametrize(
    ("space", "background", "expected"),
    [
        ("rgb16", "808080", "rgb16"),
        ("rgb16", "ff0000", "rgb16"),
        ("b-w", "808080", "b-w"),
        ("b-w", "ff0000", "srgb"),
        ("grey16", "808080", "grey16"),
        ("grey16", "ff0000", "rgb16"),
        ("srgb", "808080", "srgb"),
        ("srgb", "ff0000", "srgb"),
    ],
)
def test_a_color_makes_a_grey_picture_colored_and_a_grey_does_not(
    space: str, background: str, expected: str, rendered: Render, draw: Any
) -> None:
    color, format = _SPACES[space]
    image = (draw.flat(30, 30, tuple(0 for _ in color)) + list(color)).cast(format).copy(interpretation=space)

    picture = rendered(f"rs:fill:30:30/pd:10/bg:{background}/ph:1/f:png", image.pngsave_buffer())

    assert picture.size == (50, 50)
    assert picture.image.interpretation == expected
    channels = [int(background[index : index + 2], 16) for index in (0, 2, 4)]
    factor = 257 if format == "ushort" else 1
    assert picture.pixel(1, 1) == tuple(channel * factor for channel in channels)[: picture.bands]
