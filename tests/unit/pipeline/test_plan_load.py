"""Shrinking while a picture is decoded, and what is left to do afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import structs

from renderer.formats import ImageFormat
from renderer.options.arguments import Gravity, GravityType
from renderer.pipeline.geometry import Size
from renderer.pipeline.header import Raster
from renderer.pipeline.loading import after_load, load_ratio, plan_load
from renderer.pipeline.plan import FramePlan, format_limit_scale

Planned = Callable[..., FramePlan]

JPEG, WEBP = ImageFormat.JPEG, ImageFormat.WEBP
LARGE = Raster(4000, 3000)


@pytest.mark.parametrize(
    ("width", "shrink"),
    [
        (4000, 1),
        (3999, 1),
        (2001, 1),
        (2000, 2),
        (1001, 2),
        (1000, 4),
        (501, 4),
        (500, 8),
        (100, 8),
        (1, 8),
    ],
)
def test_jpeg_is_shrunk_by_a_power_of_two_that_is_not_too_much(planned: Planned, width: int, shrink: float) -> None:
    """JPEG is shrunk by 2, 4 or 8, whatever is not too much."""
    assert plan_load(planned(f"w:{width}", LARGE), LARGE, JPEG) == shrink


@pytest.mark.parametrize("format", ImageFormat)
def test_only_some_formats_shrink_while_they_decode(planned: Planned, format: ImageFormat) -> None:
    """Only JPEG, WebP, HEIC and AVIF shrink while they decode."""
    shrinks = {"jpeg": 4.0, "webp": 5.0, "heic": 5.0, "avif": 5.0}

    assert plan_load(planned("w:800", LARGE), LARGE, format) == shrinks.get(format.value, 1)


@pytest.mark.parametrize("options", ["", "w:8000/el:1", "mw:8000", "dpr:2/el:1"])
def test_nothing_is_shrunk_that_is_not_made_smaller(planned: Planned, options: str) -> None:
    """Nothing is shrunk that is not made smaller."""
    assert plan_load(planned(options, LARGE), LARGE, WEBP) == 1


@pytest.mark.parametrize(
    ("options", "raster", "shrink"),
    [
        ("w:1000", LARGE, 4),
        ("rs:force:1000:1500", LARGE, 2),
        ("h:33", Raster(3, 100), 3),
        ("w:1000/rot:90", LARGE, 3),
        ("w:1000", Raster(4000, 3000, 6), 3),
        ("c:2000:1500/w:1000", LARGE, 2),
    ],
)
def test_the_quotient_of_the_rounded_sizes_counts(
    planned: Planned, options: str, raster: Raster, shrink: float
) -> None:
    """The smaller quotient of the rounded sizes counts, so that no side is shrunk too far."""
    assert plan_load(planned(options, raster), raster, WEBP) == pytest.approx(shrink)


@pytest.mark.parametrize(
    ("options", "vector_shrink", "shrink"),
    [("w:100", 1, 2), ("w:400", 1, 0.5), ("", 1, 1), ("", 3, 3), ("w:400", 3, 1.5), ("rs:force:400:50", 1, 0.5)],
)
def test_a_drawing_is_rendered_at_the_size_that_is_wanted(
    planned: Planned, options: str, vector_shrink: float, shrink: float
) -> None:
    """A drawing is rendered at the size that is wanted, counted from its own size even when it was guarded."""
    drawing = Raster(200, 100, is_vector=True)

    assert plan_load(planned(options, drawing), drawing, ImageFormat.SVG, vector_shrink=vector_shrink) == shrink


def test_what_a_loader_really_shrank_is_taken_off_the_scale(planned: Planned) -> None:
    """What a loader really shrank, rounded as it is, is taken off the scale."""
    before, after = Raster(1201, 803), Raster(600, 401)
    plan = planned("w:300", before)
    rest = after_load(plan, before, after)

    assert load_ratio(plan, before, after) == (1201 / 600, 803 / 401)
    assert rest.scale_x == pytest.approx(plan.scale_x * 1201 / 600)
    assert rest.scale_y == pytest.approx(plan.scale_y * 803 / 401)
    assert (rest.target, rest.result, rest.dpr) == (plan.target, plan.result, plan.dpr)


def test_a_side_that_has_its_size_is_not_scaled_again(planned: Planned) -> None:
    """A side that the loader brought to its size is not scaled again."""
    before, after = Raster(4000, 3001), Raster(1000, 750)
    rest = after_load(planned("w:1000", before), before, after)

    assert (rest.scale_x, rest.scale_y) == (1, 1)


@pytest.mark.parametrize(
    ("crop", "after", "size", "at"),
    [
        ("c:200:100:so:21:0.1", Raster(500, 250), Size(100, 50), (10, 0.1)),
        ("c:200:100:so:23:-3", Raster(500, 250), Size(100, 50), (12, -2)),
        ("c:201:101:so:1:1", Raster(500, 250), Size(101, 51), (0, 0)),
        ("c:1:0:so:0.5:0.5", Raster(125, 62), Size(1, 0), (0.5, 0.5)),
        ("c:200:100:fp:0.25:1", Raster(500, 250), Size(100, 50), (0.25, 1)),
        ("c:200:100:so:1e308:-1e308", Raster(500, 250), Size(100, 50), (1e9, -1e9)),
    ],
)
def test_the_first_crop_shrinks_with_the_picture(
    planned: Planned, crop: str, after: Raster, size: Size, at: tuple[float, float]
) -> None:
    """The first crop shrinks with the picture, a pixel at least, and so do its offsets in pixels."""
    before = Raster(1000, 500)
    rest = after_load(planned(f"{crop}/w:50", before), before, after)

    assert rest.crop == size
    assert (rest.crop_gravity.x, rest.crop_gravity.y) == pytest.approx(at)


def test_leaked_offsets_of_a_focus_point_are_no_pixels(planned: Planned) -> None:
    """Offsets that leaked into a focus point are no pixels, and stay."""
    before, after = Raster(1000, 500), Raster(500, 250)
    rest = after_load(planned("c:10:10:so:40:0/c:10:10:fp::/w:5", before), before, after)

    assert rest.crop_gravity == Gravity(type=GravityType.FOCUS_POINT, x=40, y=0)


def test_ratios_count_in_the_upright_picture(planned: Planned) -> None:
    """Ratios count in the upright picture: width is what will be width."""
    before, after = Raster(1000, 501, 6), Raster(500, 250, 6)
    plan = planned("w:100", before)

    assert load_ratio(plan, before, after) == (501 / 250, 2)
    assert after_load(structs.replace(plan, crop=Size(100, 0)), before, after).crop == Size(50, 0)


@pytest.mark.parametrize(
    ("format", "width", "height", "scale"),
    [
        ("webp", 16_383, 10, 1),
        ("webp", 20_000, 10, 16_383 / 20_000),
        ("webp", 10, 32_766, 0.5),
        ("avif", 16_384, 16_384, 1),
        ("avif", 32_768, 1, 0.5),
        ("heic", 1, 32_768, 0.5),
        ("ico", 256, 256, 1),
        ("ico", 512, 100, 0.5),
        ("gif", 65_535, 8_192, 1),
        ("gif", 262_140, 1, 0.5),
        ("gif", 46_340, 46_340, (536_870_911 / 46_340**2) ** 0.5),
        ("jpeg", 100_000, 100_000, 1),
        ("png", 100_000, 100_000, 1),
        ("tiff", 100_000, 1, 1),
        ("bmp", 100_000, 1, 1),
    ],
)
def test_results_are_brought_within_what_their_format_holds(format: str, width: int, height: int, scale: float) -> None:
    """Results are brought within what their format can hold; GIF's factor is a square root, as recorded."""
    assert format_limit_scale(ImageFormat(format), Size(width, height)) == pytest.approx(scale)
