"""Which pixels `crop` chooses. Sources are pictures whose pixels say where they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pyvips

Render = Callable[..., Any]

CORNERS = {"nowe": (0, 0), "noea": (1, 0), "sowe": (0, 1), "soea": (1, 1)}


def _place(picture: Any) -> tuple[int, int]:
    return picture.pixel(0, 0)[:2]


@pytest.mark.parametrize(
    ("gravity", "place"),
    [
        ("ce", (76, 26)),
        ("no", (76, 0)),
        ("so", (76, 50)),
        ("we", (0, 26)),
        ("ea", (150, 26)),
        ("nowe", (0, 0)),
        ("noea", (150, 0)),
        ("sowe", (0, 50)),
        ("soea", (150, 50)),
        ("ce:10:0", (86, 26)),
        ("ce:0:10", (76, 36)),
        ("ce:10:10", (86, 36)),
        ("ce:-10:-10", (66, 16)),
        ("ce:0.1:0", (96, 26)),
        ("ce:0:0.1", (76, 36)),
        ("ce:0.1:0.1", (96, 36)),
        ("soea:10:5", (140, 45)),
        ("nowe:0.1:0.25", (20, 25)),
        ("nowe:500:500", (150, 50)),
        ("nowe:-500:-500", (0, 0)),
        ("fp:0.25:0.75", (25, 50)),
        ("fp:0:1", (0, 50)),
        ("fp:1:0", (150, 0)),
    ],
)
def test_the_gravity_says_which_50_by_50_pixels_stay(
    gravity: str, place: tuple[int, int], rendered: Render, geometry: bytes
) -> None:
    for options in (f"c:50:50:{gravity}", f"crop:50:50/gravity:{gravity}"):
        picture = rendered(options, geometry)

        assert picture.size == (50, 50)
        if options.startswith("c:") or ":" not in gravity:
            assert _place(picture) == place


@pytest.mark.parametrize(("difference", "start"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (6, 4), (7, 4), (8, 4)])
def test_the_center_is_off_by_one_for_some_differences(
    difference: int, start: int, rendered: Render, draw: Any
) -> None:
    source = draw.coordinates(120, 4).pngsave_buffer()

    assert rendered(f"c:{120 - difference}:0", source).pixel(0, 0)[0] == start


@pytest.mark.parametrize(
    ("crop", "size"),
    [
        ("1:1", (1, 1)),
        ("0.999:0.999", (200, 100)),
        ("0.99:0.99", (198, 99)),
        ("10.9:10.9", (10, 10)),
        ("0.001:0.001", (1, 1)),
        ("0.5", (100, 100)),
        ("0:30", (200, 30)),
        ("50:0", (50, 100)),
        ("500:30", (200, 30)),
        ("500:500", (200, 100)),
        ("1e9:1e9", (200, 100)),
    ],
)
def test_a_side_is_pixels_from_one_upwards_and_a_share_below(
    crop: str, size: tuple[int, int], rendered: Render, geometry: bytes
) -> None:
    assert rendered(f"crop:{crop}", geometry).size == size


def test_a_gravity_of_its_own_wins_over_the_general_one(rendered: Render, geometry: bytes) -> None:
    north = rendered("crop:50:50:no", geometry)

    assert rendered("crop:50:50/gravity:no", geometry).data == north.data
    assert rendered("crop:50:50:no/gravity:so", geometry).data == north.data


def test_offsets_of_the_general_gravity_count_for_both_crops(rendered: Render, geometry: bytes) -> None:
    """First 10 pixels of the source, then 10 of what is left."""
    picture = rendered("c:150:80/rs:fill:60:80/g:nowe:10:0", geometry)

    assert picture.size == (60, 80)
    assert _place(picture) == (20, 0)


def test_the_resize_starts_from_the_cropped_area(rendered: Render, geometry: bytes) -> None:
    picture = rendered("c:100:100:ea/w:50", geometry)

    assert picture.size == (50, 50)
    assert abs(picture.pixel(0, 0)[0] - 101) <= 1


@pytest.mark.parametrize("gravity", CORNERS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_corners_are_those_of_the_picture_as_it_is_seen(
    orientation: int, gravity: str, rendered: Render, draw: Any
) -> None:
    """Cropping happens on the stored raster; for corners the outcome is that of turning first."""
    image = draw.coordinates(40, 24).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    source = image.tiffsave_buffer()
    right, bottom = CORNERS[gravity]
    for turn in ("rot:0", "rot:90", "rot:180/fl:1", "rot:270/fl:1:1"):
        whole = rendered(f"{turn}/f:tiff", source).samples()
        height, width = whole.shape[:2]

        corner = rendered(f"{turn}/c:10:6:{gravity}/f:tiff", source).samples()

        left, top = right * (width - 10), bottom * (height - 6)
        assert np.array_equal(corner, whole[top : top + 6, left : left + 10]), turn


@pytest.mark.parametrize("side", ["left", "right"])
def test_smart_gravity_keeps_what_draws_attention(side: str, rendered: Render, draw: Any) -> None:
    at = 20 if side == "left" else 240
    image = draw.flat(300, 100, (128, 128, 128)).insert(
        draw.scene(40, 40).linear(1, [90, -60, -60]).cast("uchar"), at, 30
    )
    source = image.pngsave_buffer()

    picture = rendered("c:100:100:sm", source)

    assert picture.size == (100, 100)
    assert (picture.samples() != 128).any(axis=2).sum() == 40 * 40
    assert rendered("rs:fill:100:100/g:sm", source).distance(picture) == 0


def test_rounding_after_shrink_on_load_differs_from_that_of_the_whole_picture(rendered: Render, draw: Any) -> None:
    """A JPEG that its decoder has halved gets its crop rounded anew: one pixel less than the same picture as PNG."""
    image = draw.coordinates(1201, 803)

    as_jpeg = rendered("rs:fit:91:0/z:0.5/c:0.5:0.3/f:tiff", image.jpegsave_buffer())
    as_png = rendered("rs:fit:91:0/z:0.5/c:0.5:0.3/f:tiff", image.pngsave_buffer(compression=1))

    assert (as_jpeg.size, as_png.size) == ((45, 18), (46, 18))
