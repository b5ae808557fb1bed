"""Animations: frames, delays, loop count, and steps that act on each frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pyvips

from renderer.errors import SourceResolutionTooLarge

Render = Callable[..., Any]

_COLORS = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0)]
_MANY = {"IMGPROXY_MAX_ANIMATION_FRAMES": "100"}


@pytest.fixture(scope="module")
def film(draw: Any) -> pyvips.Image:
    """Four frames of 64 x 48 in one color each, a white corner in their top left."""
    frames = [draw.flat(64, 48, color).insert(draw.flat(16, 16, (255, 255, 255)), 0, 0) for color in _COLORS]
    image = pyvips.Image.arrayjoin(frames, across=1).copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", 48)
    image.set_type(pyvips.GValue.array_int_type, "delay", [100, 200, 300, 400])
    image.set_type(pyvips.GValue.gint_type, "loop", 3)
    return image


@pytest.fixture(scope="module")
def gif(film: pyvips.Image) -> bytes:
    """The frames as GIF."""
    return film.gifsave_buffer()


@pytest.fixture(scope="module")
def webp(film: pyvips.Image) -> bytes:
    """The frames as WebP."""
    return film.webpsave_buffer(lossless=True)


def _frames(picture: Any) -> int:
    return int(picture.image.height // picture.size[1])


def _middles(picture: Any) -> list[tuple[int, ...]]:
    """The color in the middle of every frame."""
    width, height = picture.size
    return [picture.pixel(width // 2, index * height + height // 2)[:3] for index in range(_frames(picture))]


def _is_near(colors: list[tuple[int, ...]], wanted: list[tuple[int, ...]]) -> bool:
    return len(colors) == len(wanted) and all(
        abs(a - b) <= 12 for one, other in zip(colors, wanted, strict=True) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("format", ["gif", "webp"])
@pytest.mark.parametrize("source", ["gif", "webp"])
@pytest.mark.parametrize("options", ["w:64", "w:32", "w:100/el:1", "rs:fill:20:20", "rot:90", "c:32:32:soea"])
def test_frames_delays_and_loop_survive(
    options: str, source: str, format: str, rendered: Render, request: pytest.FixtureRequest
) -> None:
    picture = rendered(f"{options}/q:100/f:{format}", request.getfixturevalue(source), **_MANY)

    assert picture.format.value == format
    assert _is_near(_middles(picture), _COLORS)
    assert picture.field("delay") == [100, 200, 300, 400]
    assert picture.field("loop") == 3


def test_every_frame_goes_through_the_steps(rendered: Render, gif: bytes) -> None:
    """The white corner is top left in the source; half a turn brings it to the bottom right of each frame."""
    picture = rendered("rot:180/pd:4/bg:000/f:gif", gif, **_MANY)

    assert picture.size == (72, 56)
    for index in range(4):
        top = index * 56
        assert picture.pixel(66, top + 50)[:3] == (255, 255, 255)
        assert picture.pixel(1, top + 1)[:3] == (0, 0, 0)


def test_by_default_only_the_first_frame_is_rendered_as_a_still(rendered: Render, gif: bytes) -> None:
    picture = rendered("", gif)

    assert (picture.size, _frames(picture)) == ((64, 48), 1)
    assert _is_near(_middles(picture), _COLORS[:1])
    assert picture.field("n-pages") in (None, 1)


@pytest.mark.parametrize(("frames", "expected"), [(1, 1), (2, 2), (3, 3), (4, 4), (100, 4)])
def test_frames_beyond_the_limit_are_left_out(frames: int, expected: int, rendered: Render, gif: bytes) -> None:
    by_setting = rendered("f:gif", gif, IMGPROXY_MAX_ANIMATION_FRAMES=str(frames))
    by_option = rendered(f"max_animation_frames:{frames}/f:gif", gif)

    assert _frames(by_setting) == _frames(by_option) == expected
    if expected > 1:
        assert by_setting.field("delay") == [100, 200, 300, 400][:expected]


@pytest.mark.parametrize("format", ["png", "jpg", "avif", "tiff", "bmp"])
def test_a_format_without_animation_gets_the_first_frame(format: str, rendered: Render, webp: bytes) -> None:
    picture = rendered(f"f:{format}/q:100", webp, **_MANY)

    assert (picture.size, _frames(picture)) == ((64, 48), 1)
    assert _is_near(_middles(picture), _COLORS[:1])


def test_an_animated_webp_becomes_a_gif_unless_it_may_stay_what_it_is(rendered: Render, webp: bytes) -> None:
    assert rendered("", webp, **_MANY).format.value == "gif"
    assert rendered("", webp).format.value != "gif"
    assert rendered("", webp, IMGPROXY_PREFERRED_FORMATS="webp,gif,png", **_MANY).format.value == "webp"


def test_trim_is_ignored(rendered: Render, draw: Any) -> None:
    frame = draw.bordered((0, 0, 255), (0, 200, 0), (10, 10, 10, 10))
    film = frame.join(frame.invert(), "vertical").copy()
    film.set_type(pyvips.GValue.gint_type, "page-height", frame.height)

    assert rendered("t:10", film.gifsave_buffer(), **_MANY).size == (80, 60)
    assert rendered("t:10", film.gifsave_buffer()).size == (60, 40)


@pytest.mark.parametrize(
    ("option", "places"),
    [
        ("wm:1:nowe", [(0, 0)]),
        ("wm:1:soea", [(56, 40)]),
        ("wm:1:nowe:5:3", [(5, 3)]),
        ("wm:1:nowe:0:-4", [(0, 0)]),
        ("wm:1:nowe:0:44", [(0, 44)]),
        ("wm:1:re:8:8", [(0, 4), (12, 4), (28, 20), (63, 43)]),
    ],
)
def test_the_watermark_lies_on_every_frame_and_on_no_neighbor(
    option: str, places: list[tuple[int, int]], rendered: Render, gif: bytes, draw: Any
) -> None:
    mark = draw.flat(8, 8, (255, 0, 255)).pngsave_buffer()

    picture = rendered(f"{option}/f:gif", gif, watermark=mark, **_MANY)

    marked = (picture.samples()[:, :, :3] == (255, 0, 255)).all(axis=2)
    counts = [int(marked[top : top + 48].sum()) for top in range(0, 4 * 48, 48)]
    assert len(set(counts)) == 1
    assert counts[0] == {"wm:1:nowe:0:-4": 32, "wm:1:nowe:0:44": 32, "wm:1:re:8:8": 32 * 24}.get(option, 64)
    assert all(marked[top + y, x] for x, y in places for top in range(0, 4 * 48, 48))


@pytest.mark.parametrize(("dpr", "size"), [("0.5", (32, 24)), ("2", (64, 48))])
def test_a_watermarked_animation_follows_dpr(
    dpr: str, size: tuple[int, int], rendered: Render, gif: bytes, draw: Any
) -> None:
    mark = draw.flat(8, 8, (255, 0, 255)).pngsave_buffer()

    assert rendered(f"wm:0.5:nowe:10:20/dpr:{dpr}/w:64", gif, watermark=mark, **_MANY).size == size


def test_delays_that_are_missing_are_forty_milliseconds(rendered: Render, draw: Any) -> None:
    film = draw.flat(16, 32, (9, 9, 9)).insert(draw.flat(16, 16, (200, 0, 0)), 0, 16).copy()
    film.set_type(pyvips.GValue.gint_type, "page-height", 16)

    picture = rendered("f:webp", film.gifsave_buffer(), **_MANY)

    assert _frames(picture) == 2
    assert len(set(picture.field("delay"))) == 1
    assert picture.field("loop") == 0


def test_one_frame_counts_for_the_frame_limit_and_all_for_the_resolution(rendered: Render, gif: bytes) -> None:
    """4 frames of 3,072 pixels: 12,288 together. A frame limit replaces the limit of the whole."""
    with pytest.raises(SourceResolutionTooLarge):
        rendered("max_src_resolution:0.012/f:gif", gif, **_MANY)
    assert _frames(rendered("msr:0.0123/f:gif", gif, **_MANY)) == 4
    assert _frames(rendered("msr:0.000001/max_animation_frame_resolution:0.0031/f:gif", gif, **_MANY)) == 4
    with pytest.raises(SourceResolutionTooLarge):
        rendered("mafr:0.003/f:gif", gif, **_MANY)
    with pytest.raises(SourceResolutionTooLarge):
        rendered("f:gif", gif, IMGPROXY_MAX_ANIMATION_FRAME_RESOLUTION="0.003", **_MANY)
    assert _frames(rendered("msr:0.0031/f:gif", gif)) == 1
    assert _frames(rendered("msr:0.0063/maf:2/f:gif", gif)) == 2


def test_frames_of_a_transparent_animation_stay_transparent(rendered: Render, draw: Any) -> None:
    frame = draw.flat(20, 20, (0, 200, 0, 255)).insert(draw.flat(10, 10, (0, 0, 0, 0)), 0, 0)
    film = frame.join(frame.fliphor(), "vertical").copy()
    film.set_type(pyvips.GValue.gint_type, "page-height", 20)

    picture = rendered("f:webp/w:10", film.gifsave_buffer(), **_MANY)

    assert picture.size == (10, 10)
    assert picture.pixel(1, 1)[3] == 0
    assert picture.pixel(8, 11)[3] == 0
    assert picture.pixel(8, 8)[3] == 255
