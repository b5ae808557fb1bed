"""EXIF orientation, `rotate` and `flip`: where each corner ends up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pyvips

Render = Callable[..., Any]

# What each EXIF orientation says has to be done to the stored raster: numpy's quarter turns to the left, then mirror.
_UPRIGHT = {
    1: (0, False),
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}


def _oriented(image: pyvips.Image, orientation: int) -> bytes:
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return image.tiffsave_buffer()


def _turned(samples: np.ndarray, quarters: int, *, is_mirrored: bool) -> np.ndarray:
    samples = np.rot90(samples, quarters)
    return samples[:, ::-1] if is_mirrored else samples


@pytest.mark.parametrize("orientation", _UPRIGHT)
def test_a_picture_is_brought_upright_and_says_so(orientation: int, rendered: Render, draw: Any) -> None:
    image = draw.coordinates(40, 24)
    quarters, is_mirrored = _UPRIGHT[orientation]

    picture = rendered("f:tiff", _oriented(image, orientation))

    assert np.array_equal(picture.samples(), _turned(image.numpy(), quarters, is_mirrored=is_mirrored))
    assert picture.field("orientation") in (None, 1)
    assert picture.origin == picture.size


@pytest.mark.parametrize("orientation", _UPRIGHT)
def test_without_auto_rotate_the_raster_stays_as_it_is_stored(orientation: int, rendered: Render, draw: Any) -> None:
    image = draw.coordinates(40, 24)
    source = _oriented(image, orientation)

    by_option = rendered("auto_rotate:0/f:tiff", source)
    by_setting = rendered("f:tiff", source, IMGPROXY_AUTO_ROTATE="false")

    assert np.array_equal(by_option.samples(), image.numpy())
    assert by_setting.data == by_option.data
    assert by_option.field("orientation") in (None, 1)


def test_the_option_wins_over_the_setting(rendered: Render, draw: Any) -> None:
    source = _oriented(draw.coordinates(40, 24), 6)

    assert rendered("ar:1/f:tiff", source, IMGPROXY_AUTO_ROTATE="false").size == (24, 40)


def test_the_orientation_is_kept_with_the_metadata_of_a_picture_that_is_not_turned(rendered: Render, draw: Any) -> None:
    source = _oriented(draw.coordinates(40, 24), 6)

    assert rendered("ar:0/sm:0/f:tiff", source).field("orientation") == 6
    assert rendered("ar:0/sm:1/f:tiff", source).field("orientation") in (None, 1)
    assert rendered("ar:1/sm:0/f:tiff", source).field("orientation") in (None, 1)


@pytest.mark.parametrize(
    ("option", "quarters"),
    [
        ("rotate:0", 0),
        ("rot:90", 3),
        ("rot:180", 2),
        ("rot:270", 1),
        ("rot:360", 0),
        ("rot:450", 3),
        ("rot:-90", 1),
        ("rot:-180", 2),
        ("rot:-360", 0),
    ],
)
@pytest.mark.parametrize("flip", ["", "fl:1", "flip::1", "fl:1:1"])
def test_rotation_is_clockwise_and_flips_come_after_it(
    option: str, quarters: int, flip: str, rendered: Render, draw: Any
) -> None:
    image = draw.coordinates(40, 24)
    wanted = np.rot90(image.numpy(), quarters)
    if flip in ("fl:1", "fl:1:1"):
        wanted = wanted[:, ::-1]
    if flip in ("flip::1", "fl:1:1"):
        wanted = wanted[::-1]

    picture = rendered(f"{option}/{flip}/f:tiff".replace("//", "/"), image.tiffsave_buffer())

    assert np.array_equal(picture.samples(), wanted)


def test_both_kinds_of_turning_add_up(rendered: Render, draw: Any) -> None:
    image = draw.coordinates(40, 24)

    picture = rendered("rot:90/f:tiff", _oriented(image, 6))

    assert np.array_equal(picture.samples(), np.rot90(image.numpy(), 2))


def test_width_and_height_mean_the_turned_picture(rendered: Render, draw: Any) -> None:
    source = _oriented(draw.coordinates(400, 200), 6)

    assert rendered("w:50", source).size == (50, 100)
    assert rendered("rs:force:50:80", source).size == (50, 80)
    assert rendered("rs:fill:60:60/rot:90", source).size == (60, 60)
    assert rendered("rot:90/w:50", source).size == (50, 25)


@pytest.mark.parametrize("orientation", [0, 9, 1000, -1])
def test_an_orientation_that_does_not_exist_is_upright(orientation: int, rendered: Render, draw: Any) -> None:
    assert rendered("f:tiff", _oriented(draw.coordinates(40, 24), orientation)).size == (40, 24)
