"""The watermark: where, how large, how strong, and what it does to the picture below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Render = Callable[..., Any]

_POSITIONS = ["ce", "no", "so", "ea", "we", "noea", "nowe", "soea", "sowe"]


@pytest.fixture(scope="module")
def canvas(draw: Any) -> bytes:
    """300 x 200, black."""
    return draw.flat(300, 200, (0, 0, 0)).pngsave_buffer()


@pytest.fixture(scope="module")
def mark(draw: Any) -> bytes:
    """40 x 20, green."""
    return draw.flat(40, 20, (0, 200, 0)).pngsave_buffer()


def _box(picture: Any) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is green."""
    rows, columns = np.nonzero(picture.samples()[:, :, 1] > 20)
    return columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1


@pytest.mark.parametrize(
    ("option", "box"),
    [
        ("wm:1", (130, 90, 40, 20)),
        ("watermark:1:ce", (130, 90, 40, 20)),
        ("wm:1:no", (130, 0, 40, 20)),
        ("wm:1:so", (130, 180, 40, 20)),
        ("wm:1:we", (0, 90, 40, 20)),
        ("wm:1:ea", (260, 90, 40, 20)),
        ("wm:1:nowe", (0, 0, 40, 20)),
        ("wm:1:noea", (260, 0, 40, 20)),
        ("wm:1:sowe", (0, 180, 40, 20)),
        ("wm:1:soea", (260, 180, 40, 20)),
        ("wm:1:nowe:10:5", (10, 5, 40, 20)),
        ("wm:1:soea:10:5", (250, 175, 40, 20)),
        ("wm:1:nowe:0.1:0.5", (30, 100, 40, 20)),
        ("wm:1:no:50:0", (180, 0, 40, 20)),
        ("wm:1:nowe:-30:-15", (0, 0, 10, 5)),
        ("wm:1:nowe:-300:0", (0, 0, 1, 20)),
        ("wm:1:nowe:900:900", (299, 199, 1, 1)),
        ("wm:1:ce:0:0:0", (130, 90, 40, 20)),
        ("wm:1:nowe:0:0:0.5", (0, 0, 150, 75)),
        ("wm:1:nowe:0:0:2", (0, 0, 300, 200)),
        ("wm:1:nowe:0:0:0.05", (0, 0, 15, 8)),
        ("wm:1:nowe:10:5/wm:1", (10, 5, 40, 20)),
    ],
)
def test_position_offsets_and_scale_place_the_mark(
    option: str, box: tuple[int, int, int, int], rendered: Render, canvas: bytes, mark: bytes
) -> None:
    """One pixel of it always stays visible, and scale 0 is its own size."""
    assert _box(rendered(f"{option}/f:png", canvas, watermark=mark)) == box


@pytest.mark.parametrize("position", [*_POSITIONS, "re"])
@pytest.mark.parametrize(
    ("options", "size"), [("w:300", (300, 200)), ("dpr:0.5/w:300", (150, 100)), ("dpr:2/w:300", (300, 200))]
)
def test_the_mark_never_changes_the_size(
    position: str, options: str, size: tuple[int, int], rendered: Render, canvas: bytes, mark: bytes
) -> None:
    assert rendered(f"wm:0.5:{position}:50:50/{options}", canvas, watermark=mark).size == size


def test_dpr_moves_the_mark_and_does_not_resize_it(rendered: Render, canvas: bytes, mark: bytes) -> None:
    assert _box(rendered("wm:1:nowe:20:10/w:100/dpr:2", canvas, watermark=mark)) == (40, 20, 40, 20)
    assert _box(rendered("wm:1:nowe:0.1:0.1/w:100/dpr:2", canvas, watermark=mark)) == (20, 13, 40, 20)


@pytest.mark.parametrize(("opacity", "setting", "level"), [("1", "1", 200), ("0.5", "1", 100), ("0.5", "0.5", 50)])
def test_opacity_is_that_of_the_url_times_that_of_the_settings(
    opacity: str, setting: str, level: int, rendered: Render, canvas: bytes, mark: bytes
) -> None:
    picture = rendered(f"wm:{opacity}", canvas, watermark=mark, IMGPROXY_WATERMARK_OPACITY=setting)

    assert abs(picture.pixel(150, 100)[1] - level) <= 1
    assert picture.pixel(0, 0) == (0, 0, 0)


@pytest.mark.parametrize("options", ["wm:0", ""])
def test_without_opacity_there_is_no_mark(options: str, rendered: Render, canvas: bytes, mark: bytes) -> None:
    assert rendered(options, canvas, watermark=mark).data == rendered("", canvas).data


def test_without_a_configured_mark_the_option_does_nothing(rendered: Render, canvas: bytes) -> None:
    assert rendered("wm:1", canvas).data == rendered("", canvas).data


def test_tiles_cover_the_picture_with_one_in_the_middle(rendered: Render, canvas: bytes, draw: Any) -> None:
    mark = draw.flat(40, 20, (0, 100, 0)).insert(draw.flat(2, 2, (0, 255, 0)), 19, 9).pngsave_buffer()

    samples = rendered("wm:1:re", canvas, watermark=mark).samples()[:, :, 1]

    assert samples.min() == 100
    rows, columns = np.nonzero(samples == 255)
    assert set(zip(columns.tolist(), rows.tolist(), strict=True)) == {
        (column, row) for column in range(300) if column % 40 in (29, 30) for row in range(200) if row % 20 in (19, 0)
    }


def test_offsets_of_tiles_are_the_space_between_them(rendered: Render, canvas: bytes, mark: bytes) -> None:
    samples = rendered("wm:1:re:60:30", canvas, watermark=mark).samples()[:, :, 1]

    columns, rows = np.nonzero(samples[100])[0], np.nonzero(samples[:, 150])[0]
    assert 130 in columns
    assert np.diff(columns).max() == 61
    assert np.diff(rows).max() == 31


def test_a_scaled_tile_is_a_share_of_the_picture(rendered: Render, canvas: bytes, mark: bytes) -> None:
    samples = rendered("wm:1:re:0.25:0.25:0.1", canvas, watermark=mark).samples()[:, :, 1]

    assert np.nonzero(samples[100])[0].tolist() == [*range(30, 60), *range(135, 165), *range(240, 270)]


def test_the_mark_lies_on_the_finished_canvas(rendered: Render, canvas: bytes, mark: bytes) -> None:
    """Padding is part of what it is placed on, and the background is not behind it."""
    picture = rendered("wm:1:nowe/pd:50/bg:00f", canvas, watermark=mark)

    assert _box(picture) == (0, 0, 40, 20)
    assert picture.pixel(45, 5) == (0, 0, 255)


def test_a_transparent_mark_leaves_what_is_below_it(rendered: Render, canvas: bytes, draw: Any) -> None:
    mark = draw.flat(20, 20, (0, 255, 0, 0)).join(draw.flat(20, 20, (0, 255, 0, 128)), "horizontal").pngsave_buffer()

    picture = rendered("wm:1:nowe", canvas, watermark=mark)

    assert picture.bands == 3
    assert picture.pixel(5, 5) == (0, 0, 0)
    assert abs(picture.pixel(25, 5)[1] - 128) <= 1


def test_a_transparent_picture_stays_transparent_around_the_mark(rendered: Render, mark: bytes, draw: Any) -> None:
    picture = rendered("wm:1:nowe", draw.flat(100, 100, (0, 0, 0, 0)).pngsave_buffer(), watermark=mark)

    assert picture.pixel(5, 5) == (0, 200, 0, 255)
    assert picture.pixel(50, 50)[3] == 0


_DEEP = {"b-w": "grey16", "srgb": "rgb16"}


@pytest.mark.parametrize(
    ("picture_space", "mark_space", "expected"),
    [
        ("srgb", "rgb16", "srgb"),
        ("srgb", "grey16", "srgb"),
        ("b-w", "grey16", "b-w"),
        ("grey16", "b-w", "grey16"),
        ("grey16", "srgb", "rgb16"),
        ("grey16", "rgb16", "rgb16"),
        ("b-w", "srgb", "srgb"),
    ],
)
def test_a_colored_mark_makes_a_grey_picture_colored_and_depth_is_the_pictures(
    picture_space: str, mark_space: str, expected: str, rendered: Render, draw: Any
) -> None:
    def source(space: str, size: int) -> bytes:
        channels = (90,) if space in ("b-w", "grey16") else (90, 60, 30)
        image = draw.flat(size, size, channels)
        if space.endswith("16"):
            image = (image * 257).cast("ushort").copy(interpretation=space)
        return image.pngsave_buffer()

    picture = rendered("wm:1/ph:1/f:png", source(picture_space, 40), watermark=source(mark_space, 20))

    assert picture.image.interpretation == expected


def test_only_the_first_frame_of_an_animated_mark_is_used(rendered: Render, canvas: bytes, draw: Any) -> None:
    import pyvips

    frames = draw.flat(40, 20, (0, 200, 0)).join(draw.flat(40, 20, (200, 0, 0)), "vertical").copy()
    frames.set_type(pyvips.GValue.gint_type, "page-height", 20)

    picture = rendered("wm:1:nowe", canvas, watermark=frames.gifsave_buffer())

    assert _box(picture) == (0, 0, 40, 20)
    assert picture.pixel(5, 30) == (0, 0, 0)


def test_a_drawn_mark_is_rendered_at_its_size(rendered: Render, canvas: bytes) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"><rect width="8" height="4" fill="#0c0"/></svg>'

    assert _box(rendered("wm:1:nowe:0:0:0.5", canvas, watermark=svg)) == (0, 0, 150, 75)


def test_a_turned_mark_is_brought_upright(rendered: Render, canvas: bytes, draw: Any) -> None:
    import pyvips

    image = draw.flat(40, 20, (0, 200, 0)).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)

    assert _box(rendered("wm:1:nowe", canvas, watermark=image.tiffsave_buffer())) == (0, 0, 20, 40)
