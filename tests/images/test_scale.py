"""Result sizes: resizing types, zoom, dpr, minimums, and what enlarging is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from renderer.errors import ResultImpossible

Render = Callable[..., Any]

_TARGETS = "50:50 50:20 20:50 300:300 300:125 250:300 300:50 100:300 0:50 50:0 0:200 300:0".split()
_SIZES = {
    "fit": "50x25 40x20 20x10 200x100 - - 100x50 100x50 100x50 50x25 200x100 200x100",
    "fit+el:1": "50x25 40x20 20x10 300x150 250x125 250x125 - - 100x50 50x25 400x200 300x150",
    "fit+ex:1": "50x50 50x20 20x50 300x300 300x125 250x300 - - 100x50 50x25 200x200 300x100",
    "fit+exar:1": "50x50 50x20 20x50 200x200 240x100 - - - 100x50 50x25 200x100 200x100",
    "fill": "50x50 50x20 20x50 200x100 - - 200x50 100x100 100x50 50x25 200x100 200x100",
    "fill+el:1": "50x50 50x20 20x50 300x300 300x125 250x300 - - 100x50 50x25 400x200 300x150",
    "fill+ex:1": "50x50 50x20 20x50 300x300 300x125 250x300 300x50 100x300 100x50 50x25 200x200 300x100",
    "fill+exar:1": "50x50 50x20 20x50 200x200 240x100 - 300x50 100x300 100x50 50x25 200x100 200x100",
    "fill-down": "50x50 50x20 20x50 100x100 200x83 83x100 - - 100x50 50x25 200x100 200x100",
    "fill-down+el:1": "50x50 50x20 20x50 300x300 300x125 250x300 - - 100x50 50x25 400x200 300x150",
    "fill-down+ex:1": "50x50 50x20 20x50 300x300 300x125 250x300 300x50 100x300 100x50 50x25 200x200 300x100",
    "fill-down+exar:1": "50x50 50x20 20x50 100x100 200x83 83x100 - - 100x50 50x25 200x100 200x100",
}


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


@pytest.mark.parametrize("row", _SIZES)
def test_every_resizing_type_gives_the_size_of_its_row(row: str, rendered: Render, geometry: bytes) -> None:
    resizing_type, _, extra = row.partition("+")
    wanted = {target: size for target, size in zip(_TARGETS, _SIZES[row].split(), strict=True) if size != "-"}

    results = {target: rendered(f"rs:{resizing_type}:{target}/{extra or 'el:0'}", geometry) for target in wanted}

    assert {target: picture.size for target, picture in results.items()} == {
        target: _size(size) for target, size in wanted.items()
    }


@pytest.mark.parametrize("resizing_type", ["fit", "fill"])
def test_a_taller_target_extends_the_aspect_ratio_to_what_the_pixels_allow(
    resizing_type: str, rendered: Render, geometry: bytes
) -> None:
    assert rendered(f"rs:{resizing_type}:250:500/exar:1", geometry).size == (200, 400)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("w:10", "10x13"),
        ("width:10", "10x13"),
        ("height:40", "30x40"),
        ("rs:fit:100:50", "38x50"),
        ("resize:fit:100:50/rotate:90", "67x50"),
        ("rs:fill:100:50", "100x50"),
        ("rs:fill:100:50/resizing_type:fit", "38x50"),
        ("rs:auto:100:50", "38x50"),
        ("rs:auto:50:100", "50x100"),
        ("rs:force:100:50", "100x50"),
        ("rs:force:100:0", "100x800"),
        ("rs:fill-down:1000:500", "600x300"),
        ("rs:fill:1000:500", "600x500"),
        ("rs:fit:1000:500:1", "375x500"),
        ("size:100:100::1", "100x100"),
        ("rs::40:30", "23x30"),
        ("w:100/h:0", "100x133"),
        ("zoom:0.5:0.25", "300x200"),
        ("z:2", "600x800"),
        ("z:2/enlarge:1", "1200x1600"),
        ("dpr:2/w:100", "200x267"),
        ("dpr:2/w:500", "600x800"),
        ("dpr:.5/w:10", "5x7"),
        ("min-width:1000", "1000x1333"),
        ("min-height:1000", "750x1000"),
        ("w:1", "1x1"),
        ("c:0.25:100", "150x100"),
        ("c:100:0:nowe", "100x800"),
        ("c:0.5:0.5", "300x400"),
        ("exar:1/rs:fit:100:50", "100x50"),
        ("pd:1:2/w:10", "14x15"),
        ("pd:5/pd::7/w:10", "24x23"),
        ("pd::10/w:100", "120x133"),
        ("pd:10::20/w:100", "120x163"),
        ("pd:1:2:3:4/w:100", "106x137"),
        ("rot:450/w:10", "10x8"),
        ("el:TRUE/w:700", "700x933"),
        ("el:tRUE/w:700", "600x800"),
    ],
)
def test_a_jpeg_of_600_by_800_gets_the_recorded_size(options: str, size: str, rendered: Render, photo: bytes) -> None:
    assert rendered(f"{options}/f:tiff", photo).size == _size(size)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("w:240/dpr:0.5", "120x80"),
        ("w:240/h:240/dpr:0.5/ex:1", "120x120"),
        ("w:240/dpr:2/pd:10", "140x100"),
        ("w:100/dpr:2/pd:10", "144x104"),
        ("z:2", "120x80"),
        ("z:2/el:1", "240x160"),
        ("mw:200", "200x133"),
        ("w:100/mw:200", "100x133"),
        ("w:60/mw:90", "60x60"),
        ("ex:1/w:200", "200x80"),
    ],
)
def test_dpr_zoom_and_minimums_meet_the_rule_against_enlarging(
    options: str, size: str, rendered: Render, draw: Any
) -> None:
    source = draw.coordinates(120, 80).pngsave_buffer()

    assert rendered(options, source).size == _size(size)


@pytest.mark.parametrize(
    ("options", "size"), [("rs:fill:300:50", "200x50"), ("rs:fill-down:300:50", "200x33"), ("rs:auto:50:50", "50x50")]
)
def test_fill_crops_each_side_for_itself_and_fill_down_keeps_the_aspect_ratio(
    options: str, size: str, rendered: Render, geometry: bytes
) -> None:
    assert rendered(options, geometry).size == _size(size)


def test_scaling_keeps_what_is_where(rendered: Render, geometry: bytes) -> None:
    """The middle of the result is the middle of the source."""
    red, green, blue = rendered("w:100", geometry).pixel(50, 25)

    assert abs(red - 101) <= 1
    assert abs(green - 51) <= 1
    assert blue == 0


def test_force_bends_the_picture_instead_of_cutting_it(rendered: Render, geometry: bytes) -> None:
    picture = rendered("rs:force:50:100", geometry)

    assert picture.pixel(0, 0)[0] < 4
    assert picture.pixel(49, 99)[0] > 194
    assert picture.pixel(49, 99)[1] > 97


def test_transparent_pixels_lend_no_color_to_their_neighbors(rendered: Render, draw: Any) -> None:
    """Colors are multiplied with alpha while a picture is resized."""
    left = draw.flat(64, 64, (255, 0, 0, 255))
    right = draw.flat(64, 64, (0, 255, 0, 0))

    picture = rendered("w:31", left.join(right, "horizontal").pngsave_buffer())

    colors = {picture.pixel(x, 8)[:3] for x in range(31) if picture.pixel(x, 8)[3] > 40}
    assert all(green <= 8 for _, green, _ in colors), colors


def test_linear_light_makes_a_black_and_white_pattern_brighter(rendered: Render, draw: Any) -> None:
    """Half of the light is a lighter grey than half of the number."""
    tile = draw.flat(1, 2, (0, 0, 0)).join(draw.flat(1, 2, (255, 255, 255)), "horizontal")
    source = tile.replicate(64, 32).pngsave_buffer()

    assert abs(rendered("w:16", source).pixel(8, 4)[0] - 128) <= 2
    assert abs(rendered("w:16", source, IMGPROXY_USE_LINEAR_COLORSPACE="1").pixel(8, 4)[0] - 188) <= 2


@pytest.mark.parametrize("options", ["w:100000000/el:1", "z:1e308/el:1", "mw:100000000", "dpr:1e300/el:1"])
def test_a_size_that_no_picture_can_have_is_the_urls_fault(options: str, rendered: Render, geometry: bytes) -> None:
    with pytest.raises(ResultImpossible) as raised:
        rendered(options, geometry)

    assert raised.value.status == 404
