"""Steps that add around, behind and on top of the picture (spec 02 sections 3.10 to 3.12, 4.6, 5, 6)."""

from __future__ import annotations

from typing import Any

import pyvips

from renderer.options.arguments import Gravity
from renderer.options.declare import Option
from renderer.options.filters import Filters
from renderer.options.tables import FILTERS
from renderer.pipeline.geometry import Size, position
from renderer.pipeline.plan import padding_sides
from renderer.vips import color
from renderer.vips.frame import Frame
from renderer.vips.watermark import watermarked

_NO_FILTERS = Filters()
_WHITE = (255, 255, 255)


def apply_filters(frame: Frame) -> Frame:
    """Every filter of the option table that is asked for, in the table's order, in 8-bit sRGB."""
    active = _active(frame.work.pipeline.filters)
    if not active:
        return frame
    image = frame.work.deadline.in_memory(frame.image)
    if color.interpretation(image) != "srgb":
        image = image.colourspace("srgb")
    space, format = image.interpretation, image.format
    is_premultiplied = image.hasalpha() and any(row.is_premultiplied for row, _ in active)
    if is_premultiplied:
        image = image.premultiply().cast(format)
    for row, value in active:
        if row.apply is not None:
            image = row.apply(image, value)
    if is_premultiplied:
        image = image.unpremultiply()
    if image.interpretation != space:
        image = image.colourspace(space)
    image = image.cast(format)
    return frame.showing(frame.work.deadline.in_memory(image))


def _active(options: Filters) -> list[tuple[Option, Any]]:
    """The filters that do something, with their arguments."""
    if options == _NO_FILTERS:
        return []
    return [(row, value) for row in FILTERS if (value := getattr(options, row.attribute)) != row.default]


def extend(frame: Frame) -> Frame:
    """Puts the picture on a canvas of the target size."""
    options = frame.work.pipeline.canvas.extend
    if not options.is_enabled:
        return frame
    return _placed(frame, frame.plan.target, options.gravity)


def extend_aspect_ratio(frame: Frame) -> Frame:
    """Puts the picture on a canvas with the target's aspect ratio."""
    if not frame.plan.extended.width or not frame.plan.extended.height:
        return frame
    return _placed(frame, frame.plan.extended, frame.work.pipeline.canvas.extend_aspect_ratio.gravity)


def _placed(frame: Frame, canvas: Size, gravity: Gravity) -> Frame:
    image = frame.image
    canvas = Size(canvas.width or image.width, canvas.height or image.height)
    if canvas.width <= image.width and canvas.height <= image.height:
        return frame
    offset = position(canvas, Size(image.width, image.height), gravity, frame.plan.dpr)
    return frame.showing(_embedded(image, canvas, offset.left, offset.top))


def _embedded(image: pyvips.Image, canvas: Size, left: int, top: int) -> pyvips.Image:
    if not image.hasalpha():
        image = image.addalpha()
    return image.embed(left, top, canvas.width, canvas.height)


def pad(frame: Frame) -> Frame:
    """Adds the padding."""
    top, right, bottom, left = padding_sides(frame.work.pipeline, frame.plan.dpr)
    if not (top or right or bottom or left):
        return frame
    image = frame.image
    canvas = Size(left + image.width + right, top + image.height + bottom)
    return frame.showing(_embedded(image, canvas, left, top))


def flatten(frame: Frame) -> Frame:
    """Puts a color behind transparent pixels, if one is asked for or the format needs one."""
    background = frame.work.pipeline.canvas.background
    if background is None and frame.work.format.traits.has_alpha:
        return frame
    image, profile = color.flattened(frame.image, background or _WHITE, frame.profile)
    return frame.after(image, profile)


def watermark(frame: Frame) -> Frame:
    """Lays the watermark over the picture."""
    overlay = frame.work.overlay
    placement = frame.work.pipeline.watermark.watermark
    if overlay is None or not placement.opacity:
        return frame
    # Tiles and position depend on one frame's height; a stack of frames tells it in `page-height`.
    of_frame = (frame.image.height, frame.plan.dpr, frame.work.deadline)
    return frame.showing(watermarked(frame.image, overlay, placement, of_frame))
