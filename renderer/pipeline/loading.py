"""A plan and a decoder that can shrink -> by how much it does, and what is left to do (spec 02 section 2.9).

What a file's first bytes let expect is worked out once for all pictures of one size.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, structs

from renderer.formats import ImageFormat
from renderer.options.arguments import Gravity, GravityType
from renderer.pipeline.geometry import Size, rounded, rounded_even, scaled, shrunk
from renderer.pipeline.header import Raster
from renderer.pipeline.plan import FramePlan, PlanDefaults, plan_frame
from renderer.request.values import Pipeline

OPENED_SMALLER: Final = frozenset({ImageFormat.JPEG, ImageFormat.WEBP})
"""Formats that are opened by the factor that is wanted, where their first bytes tell it."""

SHRINKING_FORMATS = frozenset({ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.HEIC, ImageFormat.AVIF})
"""Formats that decode to a smaller size at less cost."""


class Foreseen(Struct, frozen=True):
    """What a file's first bytes let expect of a still picture, if that is not turned.

    Attributes:
        raster: as it is stored.
        plan: what to do with it.
        shrink: by how much its decoder makes it smaller.
        loaded: the size that it has then.
        rest: what is still to be done with that.
    """

    raster: Raster
    plan: FramePlan
    shrink: float
    loaded: Size
    rest: FramePlan


def plan_load(plan: FramePlan, raster: Raster, format: ImageFormat, *, vector_shrink: float = 1.0) -> float:
    """By how much the loader may shrink while it decodes; 1 is not at all, less than 1 renders a drawing larger.

    The quotient of the rounded sizes is used, so that a side that nobody asked for is not shrunk too far (spec 02
    section 2.9).
    """
    size = _upright(plan, raster)
    shrink = min(size.width / scaled(size.width, plan.scale_x), size.height / scaled(size.height, plan.scale_y))
    if raster.is_vector:
        return shrink * vector_shrink
    if shrink <= 1 or format not in SHRINKING_FORMATS:
        return 1.0
    if format is ImageFormat.JPEG:
        return next((float(factor) for factor in (8, 4, 2) if shrink >= factor), 1.0)
    return shrink


def _upright(plan: FramePlan, raster: Raster) -> Size:
    size = Size(raster.width, raster.height)
    return size.turned if plan.is_sideways else size


def load_ratio(plan: FramePlan, before: Raster, after: Raster) -> tuple[float, float]:
    """By how much a loader really shrank: oriented width and height before, divided by those after."""
    old, new = _upright(plan, before), _upright(plan, after)
    return old.width / new.width, old.height / new.height


def after_load(plan: FramePlan, before: Raster, after: Raster) -> FramePlan:
    """The plan that continues from a raster which the loader has already shrunk (spec 02 section 2.9)."""
    ratio_x, ratio_y = load_ratio(plan, before, after)
    new = _upright(plan, after)
    scale_x, scale_y = plan.scale_x * ratio_x, plan.scale_y * ratio_y
    gravity = plan.crop_gravity
    if gravity.type is not GravityType.FOCUS_POINT and (abs(gravity.x) >= 1 or abs(gravity.y) >= 1):
        gravity = Gravity(
            type=gravity.type,
            x=rounded_even(gravity.x / ratio_x) if abs(gravity.x) >= 1 else gravity.x,
            y=rounded_even(gravity.y / ratio_y) if abs(gravity.y) >= 1 else gravity.y,
        )
    return structs.replace(
        plan,
        scale_x=1.0 if new.width == scaled(new.width, scale_x) else scale_x,
        scale_y=1.0 if new.height == scaled(new.height, scale_y) else scale_y,
        crop=Size(
            max(1, shrunk(plan.crop.width, ratio_x)) if plan.crop.width else 0,
            max(1, shrunk(plan.crop.height, ratio_y)) if plan.crop.height else 0,
        ),
        crop_gravity=gravity,
    )


def foresee(pipeline: Pipeline, raster: Raster, format: ImageFormat, defaults: PlanDefaults) -> Foreseen:
    """What becomes of a still picture; raises as `plan_frame` does."""
    plan = plan_frame(pipeline, raster, defaults)
    shrink = plan_load(plan, raster, format)
    whole = Size(raster.width, raster.height)
    loaded = loaded_size(raster, shrink, format) if format in OPENED_SMALLER else whole
    if loaded == whole or not (loaded.width and loaded.height):
        return Foreseen(raster, plan, shrink, loaded, plan)
    return Foreseen(raster, plan, shrink, loaded, after_load(plan, raster, Raster(loaded.width, loaded.height)))


def loaded_size(raster: Raster, shrink: float, format: ImageFormat) -> Size:
    """The size that libvips gives a picture whose decoder makes it smaller."""
    if format is ImageFormat.JPEG:
        factor = int(shrink)
        return Size(max(1, raster.width // factor), max(1, raster.height // factor))
    scale = 1 / shrink
    return Size(rounded(raster.width * scale), rounded(raster.height * scale))
