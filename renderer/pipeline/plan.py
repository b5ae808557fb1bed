"""Options and a raster -> what every step has to do (spec 02 sections 2.9 and 3).

A plan is made from the size that a picture really has. It is made anew when that size turns out to be another one:
after a trim, and, by `after_load`, when a loader that shrinks while it decodes answers with a rounded size.
"""

from __future__ import annotations

import math

from msgspec import Struct

from renderer.errors import ResultImpossible
from renderer.formats import ImageFormat
from renderer.options.arguments import Gravity
from renderer.options.resize import ResizingType
from renderer.pipeline.geometry import (
    FURTHEST,
    NOTHING,
    Size,
    before_turning,
    scaled,
    scaled_even,
    smaller,
)
from renderer.pipeline.header import Raster
from renderer.request.values import Pipeline

MAX_SIDE = 10_000_000
"""The longest side that anything in a plan may have; libvips itself goes on to ten times that."""


class PlanDefaults(Struct, frozen=True, kw_only=True):
    """What the settings decide where a pipeline does not."""

    auto_rotate: bool = True
    max_result_dimension: int = 0


class FramePlan(Struct, frozen=True, kw_only=True):
    """Sizes in pixels of the oriented picture; a side of 0 is left alone.

    `angle` and `is_mirrored` undo the EXIF orientation; `scale_x` and `scale_y` are factors, `dpr` the effective one.
    `whole` is what comes out, with canvas and padding.
    """

    angle: int
    is_mirrored: bool
    rotate: int
    flip: tuple[bool, bool]
    crop: Size
    crop_gravity: Gravity
    gravity: Gravity
    scale_x: float
    scale_y: float
    dpr: float
    target: Size
    result: Size
    extended: Size
    whole: Size

    @property
    def is_sideways(self) -> bool:
        """Whether width and height change places between the raster and the result."""
        return (self.angle + self.rotate) % 180 == 90


def plan_frame(pipeline: Pipeline, raster: Raster, defaults: PlanDefaults) -> FramePlan:
    """What to do with a raster.

    Raises:
        ResultImpossible: the sizes asked for are out of any range.
    """
    try:
        return _plan(pipeline, raster, defaults)
    except (OverflowError, ValueError, ZeroDivisionError) as error:
        raise ResultImpossible(f"the result has no size: {error}") from error


def _plan(pipeline: Pipeline, raster: Raster, defaults: PlanDefaults) -> FramePlan:
    orientation = pipeline.orientation
    auto_rotate = defaults.auto_rotate if orientation.auto_rotate is None else orientation.auto_rotate
    angle, is_mirrored = raster.turn if auto_rotate else (0, False)
    rotate = orientation.rotate
    size = Size(raster.width, raster.height)
    if (angle + rotate) % 180:
        size = size.turned
    cropping = pipeline.cropping
    crop, base = NOTHING, size
    if cropping.crop.width or cropping.crop.height:
        crop = Size(_crop_side(size.width, cropping.crop.width), _crop_side(size.height, cropping.crop.height))
        base = Size(smaller(crop.width, size.width), smaller(crop.height, size.height))
    scale_x, scale_y, dpr = _factors(pipeline, base, is_vector=raster.is_vector)
    sizes = _sizes(pipeline, base, (scale_x, scale_y), dpr)
    limit, longest = defaults.max_result_dimension, max(sizes.whole.width, sizes.whole.height)
    if 0 < limit < longest:
        factor = limit / longest
        scale_x, scale_y = max(scale_x * factor, 1 / base.width), max(scale_y * factor, 1 / base.height)
        dpr *= factor
        sizes = _sizes(pipeline, base, (scale_x, scale_y), dpr)
    _check_sizes(sizes)
    # A factor that is as good as zero is zero where some library has asked the processor for that.
    if min(scale_x, scale_y, dpr) <= 0:
        raise ResultImpossible("nothing would be left of the picture")
    return FramePlan(
        angle=angle,
        is_mirrored=is_mirrored,
        rotate=rotate,
        flip=orientation.flip,
        crop=crop,
        crop_gravity=cropping.crop.gravity if cropping.crop.gravity.type else cropping.gravity,
        gravity=cropping.gravity,
        scale_x=scale_x,
        scale_y=scale_y,
        dpr=dpr,
        target=sizes.target,
        result=sizes.result,
        extended=sizes.extended,
        whole=sizes.whole,
    )


def _check_sizes(sizes: _Sizes) -> None:
    if min(sizes.whole.width, sizes.whole.height) <= 0:
        raise ResultImpossible("nothing would be left of the picture")
    if max(sizes.scaled.width, sizes.scaled.height, sizes.whole.width, sizes.whole.height) > MAX_SIDE:
        raise ResultImpossible(f"the result would be larger than {MAX_SIDE} pixels on a side")


def _crop_side(length: int, crop: float) -> int:
    if not crop:
        return 0
    # No picture is that long: more is as good, and stays a number when a loader enlarges.
    return int(min(crop, FURTHEST)) if crop >= 1 else max(1, scaled(length, crop))


def _factors(pipeline: Pipeline, base: Size, *, is_vector: bool) -> tuple[float, float, float]:
    """The scale factors of both sides and the effective dpr (spec 02 sections 3.2 and 3.3)."""
    resize = pipeline.resize
    shrink_x, shrink_y = _wanted_shrink(pipeline, base)
    dpr = resize.dpr
    if not resize.enlarge and not is_vector:
        least = min(shrink_x, shrink_y)
        if least < 1:
            shrink_x /= least
            shrink_y /= least
            if not pipeline.canvas.extend.is_enabled:
                dpr /= least
        # More dpr than this would enlarge.
        dpr = min(dpr, shrink_x, shrink_y)
    if resize.min_width > 0 and (least := base.width / resize.min_width) < shrink_x:
        shrink_y /= shrink_x / least
        shrink_x = least
    if resize.min_height > 0 and (least := base.height / resize.min_height) < shrink_y:
        shrink_x /= shrink_y / least
        shrink_y = least
    shrink_x = min(shrink_x / dpr, base.width)
    shrink_y = min(shrink_y / dpr, base.height)
    return 1 / shrink_x, 1 / shrink_y, dpr


def _wanted_shrink(pipeline: Pipeline, base: Size) -> tuple[float, float]:
    resize = pipeline.resize
    width, height = resize.width or base.width, resize.height or base.height
    shrink_x = base.width / width if width != base.width else 1.0
    shrink_y = base.height / height if height != base.height else 1.0
    if (shrink_x != 1 or shrink_y != 1) and resize.resizing_type is not ResizingType.FORCE:
        type = resize.resizing_type
        if type is ResizingType.AUTO:
            is_same = (base.width >= base.height) == (width >= height)
            type = ResizingType.FILL if is_same else ResizingType.FIT
        if not resize.width:
            shrink_x = shrink_y
        elif not resize.height:
            shrink_y = shrink_x
        elif type is ResizingType.FIT:
            shrink_x = shrink_y = max(shrink_x, shrink_y)
        else:
            shrink_x = shrink_y = min(shrink_x, shrink_y)
    return shrink_x / resize.zoom[0], shrink_y / resize.zoom[1]


class _Sizes(Struct, frozen=True):
    """The picture after scaling, what is asked for, what is cut to, the canvas, and all of it with padding."""

    scaled: Size
    target: Size
    result: Size
    extended: Size
    whole: Size


def _sizes(pipeline: Pipeline, base: Size, scale: tuple[float, float], dpr: float) -> _Sizes:
    """The sizes that follow from scale factors (spec 02 sections 3.4 and 3.5)."""
    resize = pipeline.resize
    target = Size(scaled(resize.width, dpr * resize.zoom[0]), scaled(resize.height, dpr * resize.zoom[1]))
    scaled_base = Size(scaled(base.width, scale[0]), scaled(base.height, scale[1]))
    result = target
    has_target = target.width > 0 and target.height > 0
    if resize.resizing_type is ResizingType.FILL_DOWN and not resize.enlarge and has_target:
        result = _filled_down(target, scaled_base)
    extended = NOTHING
    if pipeline.canvas.extend_aspect_ratio.is_enabled and has_target:
        extended = _extended(target, scaled_base, result)
    width, height = smaller(scaled_base.width, result.width), smaller(scaled_base.height, result.height)
    if pipeline.canvas.extend.is_enabled:
        width, height = max(width, target.width), max(height, target.height)
    elif extended.width:
        width, height = max(width, extended.width), max(height, extended.height)
    top, right, bottom, left = padding_sides(pipeline, dpr)
    return _Sizes(scaled_base, target, result, extended, Size(width + left + right, height + top + bottom))


def _filled_down(target: Size, base: Size) -> Size:
    ratio_x, ratio_y = target.width / base.width, target.height / base.height
    if ratio_x > ratio_y and ratio_x > 1:
        return Size(base.width, scaled(base.width, target.height / target.width))
    if ratio_y > ratio_x and ratio_y > 1:
        return Size(scaled(base.height, target.width / target.height), base.height)
    return target


def _extended(target: Size, base: Size, result: Size) -> Size:
    width, height = smaller(base.width, result.width), smaller(base.height, result.height)
    ratio_x, ratio_y = target.width / width, target.height / height
    if ratio_y > ratio_x:
        return Size(width, scaled(width, target.height / target.width))
    if ratio_x > ratio_y:
        return Size(scaled(height, target.width / target.height), height)
    return NOTHING


def padding_sides(pipeline: Pipeline, dpr: float) -> tuple[int, int, int, int]:
    """Top, right, bottom and left padding in pixels."""
    padding = pipeline.canvas.padding
    if not (padding.top or padding.right or padding.bottom or padding.left):
        return 0, 0, 0, 0
    top, right, bottom, left = (
        scaled_even(side, dpr) if side else 0 for side in (padding.top, padding.right, padding.bottom, padding.left)
    )
    return top, right, bottom, left


def crop_box(plan: FramePlan) -> tuple[Size, Gravity]:
    """Size and gravity of the first crop in the raster as it is stored (spec 02 section 3.6)."""
    gravity = before_turning(plan.crop_gravity, plan.rotate, flip_x=plan.flip[0], flip_y=plan.flip[1])
    gravity = before_turning(gravity, plan.angle, flip_x=plan.is_mirrored)
    return (plan.crop.turned if plan.is_sideways else plan.crop), gravity


def format_limit_scale(format: ImageFormat, size: Size) -> float:
    """The factor that brings a result within what its format can hold; 1 when it is (spec 02 section 3.14)."""
    longest = max(size.width, size.height)
    if format is ImageFormat.GIF:
        excess = max(size.width * size.height / _GIF_MAX_AREA, longest / _GIF_MAX_SIDE)
        return 1.0 if excess <= 1 else math.sqrt(1 / excess)
    limit = _MAX_SIDES.get(format)
    return 1.0 if limit is None or longest <= limit else 1.0 / (longest / limit)


_MAX_SIDES = {ImageFormat.WEBP: 16_383, ImageFormat.AVIF: 16_384, ImageFormat.HEIC: 16_384, ImageFormat.ICO: 256}
LIMITED_FORMATS = frozenset({*_MAX_SIDES, ImageFormat.GIF})
"""Formats that cannot hold every size."""
_GIF_MAX_SIDE = 65_535
_GIF_MAX_AREA = 536_870_911
