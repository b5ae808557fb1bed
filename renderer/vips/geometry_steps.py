"""Steps that cut, scale and turn (spec 02 sections 2.9, 2.10, 3.6 to 3.9)."""

from __future__ import annotations

import math
from typing import Final

import pyvips
from msgspec import structs

from renderer.errors import BrokenImage
from renderer.formats import ImageFormat
from renderer.options.arguments import Gravity, GravityType
from renderer.pipeline.geometry import Size, position
from renderer.pipeline.loading import SHRINKING_FORMATS, after_load, load_ratio, plan_load
from renderer.pipeline.plan import LIMITED_FORMATS, crop_box, format_limit_scale
from renderer.vips import color
from renderer.vips.fields import has_alpha, whole_size, without
from renderer.vips.frame import Frame, planned_anew
from renderer.vips.loader import Loader, raster_of
from renderer.vips.operations import made

_MAGENTA: Final[list[float]] = [255, 0, 255]
_AS_IT_IS: Final = (1.0, None)
"""Factors of pictures that were not opened smaller already; None is the thumbnail inside a file."""
_QUARTER_TURNS = {90: "d90", 180: "d180", 270: "d270"}


def guard_vector(frame: Frame) -> Frame:
    """Renders an over-large drawing smaller; drawings have no resolution limit of their own."""
    limit = frame.work.limits.max_src_resolution
    if not frame.is_vector or frame.loader is None:
        return frame
    area = frame.image.width * frame.image.height
    if area <= limit:
        return frame
    shrink = math.sqrt(area / limit) if limit else math.inf
    image = frame.loader.open(shrink=shrink)
    return planned_anew(structs.replace(frame, image=image, shrink=shrink, vector_shrink=shrink))


def trim(frame: Frame) -> Frame:
    """Removes a uniform border."""
    options = frame.work.pipeline.cropping.trim
    if options.threshold is None:
        return frame
    frame = to_processing_space(frame)
    image = frame.work.deadline.in_memory(frame.image)
    tested = image if color.interpretation(image) == "srgb" else image.colourspace("srgb")
    if tested.hasalpha():
        tested = tested.flatten(background=_MAGENTA)
    background = tested.getpoint(0, 0) if options.color is None else options.color
    with frame.work.deadline.evaluating(tested):
        left, top, width, height = tested.find_trim(threshold=options.threshold, background=list(background))
    if width and height:
        if options.equal_hor:
            left, width = _equal(left, width, image.width)
        if options.equal_ver:
            top, height = _equal(top, height, image.height)
        image = image.extract_area(left, top, width, height)
    return planned_anew(structs.replace(frame, image=image, loader=None, is_vector=False))


def _equal(start: int, length: int, whole: int) -> tuple[int, int]:
    """Cuts as much at the end as at the start, the smaller of both."""
    end = whole - start - length
    if end > start:
        return start, length + end - start
    return end, length + start - end


def scale_on_load(frame: Frame) -> Frame:
    """Lets the decoder do most of the shrinking."""
    loader = frame.loader
    if loader is None or not (frame.is_vector or frame.work.may_shrink_on_load):
        return frame
    if not frame.is_vector and (loader.format not in SHRINKING_FORMATS or frame.shrink not in _AS_IT_IS):
        return frame
    before = raster_of(frame.image, is_vector=frame.is_vector)
    shrink = plan_load(frame.plan, before, loader.format, vector_shrink=frame.vector_shrink)
    if shrink == 1:
        return frame
    asked: float | None = None
    if loader.format.traits.has_thumbnail:
        image = _thumbnail(frame, loader, shrink)
        if image is None:
            return frame
    else:
        asked = shrink if loader.levels is None else loader.levels.best(shrink)
        if asked == 1 and not frame.is_vector:
            return frame
        image = loader.open(shrink=asked)
        if loader.format.traits.loads_animation:
            image = without(image, "delay", "loop", "page-height", "n-pages")
    after = raster_of(image, is_vector=frame.is_vector)
    return structs.replace(frame, image=image, shrink=asked, plan=after_load(frame.plan, before, after))


def _thumbnail(frame: Frame, loader: Loader, shrink: float) -> pyvips.Image | None:
    """The thumbnail inside a HEIC or AVIF file, if it is large enough."""
    if not loader.may_have_thumbnail():
        return None
    try:
        image = loader.open(thumbnail=True)
    except BrokenImage:
        return None  # the full picture is there, and it decodes
    before = raster_of(frame.image, is_vector=False)
    ratios = load_ratio(frame.plan, before, raster_of(image, is_vector=False))
    return image if min(ratios) > 1 and max(ratios) <= shrink else None


def to_processing_space(frame: Frame) -> Frame:
    """Brings the picture into a space that the other steps work in; the first step that needs pixels."""
    image = frame.image if frame.loader is None else frame.loader.decoded(frame.image, frame.shrink)
    image, profile = color.to_processing(image, frame.profile, keeps_depth=frame.work.keeps_depth)
    return frame.after(image, profile)


def crop(frame: Frame) -> Frame:
    """Cuts the area that `crop` names out of the raster as it is stored."""
    if not frame.plan.crop.width and not frame.plan.crop.height:
        return frame
    size, gravity = crop_box(frame.plan)
    return _cropped(frame, size, gravity, 1.0)


def crop_to_result(frame: Frame) -> Frame:
    """Cuts what `fill` and rounding leave over."""
    if not frame.plan.result.width and not frame.plan.result.height:
        return frame
    return _cropped(frame, frame.plan.result, frame.plan.gravity, frame.plan.dpr)


def _cropped(frame: Frame, size: Size, gravity: Gravity, dpr: float) -> Frame:
    image = frame.image
    whole = whole_size(image)
    box = Size(min(size.width or whole.width, whole.width), min(size.height or whole.height, whole.height))
    if box == whole:
        return frame
    if gravity.type is GravityType.SMART:
        image = frame.work.deadline.in_memory(image)
        with frame.work.deadline.evaluating(image):
            return frame.showing(image.smartcrop(box.width, box.height))
    offset = position(whole, box, gravity, dpr)
    return frame.showing(made("extract_area", image, offset.left, offset.top, box.width, box.height))


def scale(frame: Frame) -> Frame:
    """Resizes what the decoder left to do."""
    scale_x, scale_y = frame.plan.scale_x, frame.plan.scale_y
    if scale_x == 1 and scale_y == 1:
        return frame
    if frame.plan.is_sideways:
        scale_x, scale_y = scale_y, scale_x
    if not frame.work.is_linear:
        return frame.showing(resized(frame.image, scale_x, scale_y))
    space = color.interpretation(frame.image)
    image, profile = color.imported(frame.image, frame.profile)
    image = resized(image.colourspace("scrgb"), scale_x, scale_y).colourspace(space)
    return frame.after(image, profile)


def resized(image: pyvips.Image, scale_x: float, scale_y: float) -> pyvips.Image:
    """The picture scaled; colors are multiplied with alpha meanwhile, in the picture's own format."""
    if not has_alpha(image):
        return _resized(image, scale_x, scale_y)
    format = image.format
    image = _resized(made("cast", made("premultiply", image), format), scale_x, scale_y)
    return made("cast", made("unpremultiply", image), format)


def _resized(image: pyvips.Image, scale_x: float, scale_y: float) -> pyvips.Image:
    # One factor is for both sides; each argument of an operation takes 5 µs.
    return made("resize", image, scale_x, **({} if scale_x == scale_y else {"vscale": scale_y}))


def rotate_and_flip(frame: Frame) -> Frame:
    """Undoes the EXIF orientation, then turns and flips as asked."""
    plan = frame.plan
    if not (plan.angle or plan.is_mirrored or plan.rotate or any(plan.flip)):
        return frame
    image = frame.work.deadline.in_memory(frame.image)
    image = _turned(image, plan.angle)
    if plan.is_mirrored:
        image = image.flip("horizontal")
    image = _turned(image, plan.rotate)
    if plan.flip[0]:
        image = image.flip("horizontal")
    if plan.flip[1]:
        image = image.flip("vertical")
    if plan.angle or plan.is_mirrored or plan.rotate:
        image = without(image, "orientation")
    return frame.showing(image)


def _turned(image: pyvips.Image, angle: int) -> pyvips.Image:
    return image.rot(_QUARTER_TURNS[angle]) if angle else image


def fit_format(frame: Frame) -> Frame:
    """Scales down what the result's format cannot hold."""
    if frame.work.format not in LIMITED_FORMATS:
        return frame
    image = frame.image
    factor = format_limit_scale(frame.work.format, whole_size(image))
    if factor >= 1:
        return frame
    # The square root of the area's excess does not reach GIF's limit of a side in one go (spec 02 section 3.14).
    while factor < 1:
        # A factor that is all but 1 would round back to the same size, for ever: a pass takes a pixel at least.
        factor = min(factor, 1 - 1 / max(image.width, image.height))
        image = resized(image, factor, factor)
        if frame.work.format is not ImageFormat.GIF:
            break
        factor = format_limit_scale(frame.work.format, Size(image.width, image.height))
    return frame.showing(image)
