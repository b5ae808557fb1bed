"""Blur, sharpen and pixelate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Render = Callable[..., Any]


def _roughness(picture: Any) -> float:
    """How much neighbors differ."""
    samples = picture.samples()
    return float(np.abs(np.diff(samples, axis=0)).mean() + np.abs(np.diff(samples, axis=1)).mean())


@pytest.fixture(scope="module")
def scene(draw: Any) -> bytes:
    """120 x 80 with detail."""
    return draw.scene(120, 80).tiffsave_buffer()


def test_a_stronger_blur_leaves_less_detail(rendered: Render, scene: bytes) -> None:
    roughness = [_roughness(rendered(f"{option}/f:tiff", scene)) for option in ("blur:0", "bl:0.5", "bl:2", "blur:10")]

    assert roughness == sorted(roughness, reverse=True)
    assert roughness[3] < roughness[0] / 5


def test_sharpening_makes_edges_steeper(rendered: Render, scene: bytes) -> None:
    plain, sharp, sharper = (
        _roughness(rendered(f"{option}/f:tiff", scene)) for option in ("sh:0", "sharpen:1", "sh:3")
    )

    assert plain < sharp
    assert plain < sharper


@pytest.mark.parametrize(("option", "side"), [("pixelate:8", 8), ("pix:13", 13), ("pix:50", 50), ("pix:1000", 120)])
def test_pixels_become_squares_of_one_color(option: str, side: int, rendered: Render, scene: bytes) -> None:
    picture = rendered(f"{option}/f:tiff", scene)

    samples = picture.samples()
    assert picture.size == (120, 80)
    for top in range(0, 80, side):
        for left in range(0, 120, side):
            square = samples[top : top + side, left : left + side]
            assert (square == square[0, 0]).all()
    assert len(np.unique(samples.reshape(-1, 3), axis=0)) > (1 if side < 100 else 0)


def test_a_square_has_the_mean_color_of_its_pixels(rendered: Render, scene: bytes) -> None:
    mean = rendered("f:tiff", scene).samples()[:8, :8].mean(axis=(0, 1))

    assert np.abs(rendered("pix:8/f:tiff", scene).samples()[0, 0] - mean).max() <= 1


@pytest.mark.parametrize("option", ["pix:0", "pix:1", "bl:0", "sh:0"])
def test_neutral_values_change_nothing(option: str, rendered: Render, scene: bytes) -> None:
    assert rendered(f"{option}/f:tiff", scene).data == rendered("f:tiff", scene).data


@pytest.mark.parametrize("options", ["bl:10", "sh:10", "pix:10", "bl:10/sh:10/pix:10"])
def test_filters_keep_the_size(options: str, rendered: Render, scene: bytes) -> None:
    assert rendered(f"{options}/f:tiff", scene).size == (120, 80)


def test_their_order_is_blur_sharpen_pixelate_whatever_the_url_says(rendered: Render, scene: bytes) -> None:
    wanted = rendered("bl:2/sh:3/pix:10/f:tiff", scene)

    assert rendered("pix:10/sh:3/bl:2/f:tiff", scene).data == wanted.data
    assert (wanted.samples()[:10, :10] == wanted.samples()[0, 0]).all()


def test_they_act_before_anything_is_added_around_the_picture(rendered: Render, draw: Any) -> None:
    source = draw.flat(40, 40, (255, 255, 255)).pngsave_buffer()

    picture = rendered("bl:5/pd:20/bg:000", source)

    assert picture.pixel(19, 40) == (0, 0, 0)
    assert picture.pixel(20, 40) == (255, 255, 255)


def test_grey_and_deep_pictures_become_eight_bit_rgb(rendered: Render, draw: Any) -> None:
    grey = draw.flat(40, 40, (90,))
    deep = (draw.coordinates(40, 40) * 257).cast("ushort").copy(interpretation="rgb16")

    assert rendered("f:png", grey.pngsave_buffer()).bands == 1
    assert rendered("bl:1/f:png", grey.pngsave_buffer()).bands == 3
    assert rendered("pix:4/f:png/ph:1", deep.pngsave_buffer()).image.format == "uchar"
    assert rendered("f:png/ph:1", deep.pngsave_buffer()).image.format == "ushort"


def test_transparent_pixels_lend_no_color_when_a_picture_is_blurred(rendered: Render, draw: Any) -> None:
    red, green = draw.flat(32, 64, (255, 0, 0, 255)), draw.flat(32, 64, (0, 255, 0, 0))
    source = red.join(green, "horizontal").pngsave_buffer()

    picture = rendered("bl:3", source)

    assert 20 < picture.pixel(33, 32)[3] < 235
    assert picture.pixel(33, 32)[1] <= 8
