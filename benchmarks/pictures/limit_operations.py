"""The two sets of operations that a limit is computed with, both as recorded calls of libvips.

PLAN is what our own renderer does. IMGPROXY is what imgproxy does (spec 02 sections 1.2, 2.4, 2.9, 3.7, 4 and 7),
written down here a second time in plain pyvips: it must not change when our renderer finds something faster. The sizes
are the same for both, so they come from the same plan.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyvips

from benchmarks.pictures.limit_recording import Recording, recorded
from renderer.formats import ImageFormat, detect
from renderer.pipeline.geometry import Size
from renderer.pipeline.header import Raster
from renderer.pipeline.loading import after_load, plan_load
from renderer.pipeline.output import quality, resolved_limits
from renderer.pipeline.plan import FramePlan, PlanDefaults, plan_frame
from renderer.request.parse import Grammar, parse_request
from renderer.request.values import RenderRequest
from renderer.settings.load import Settings, load_settings
from renderer.vips import metadata, runtime, strips
from renderer.vips.color import ICC_FIELD
from renderer.vips.fields import blob, whole_number, whole_numbers
from renderer.vips.loader import is_animated, page_count, page_height, raster_of
from renderer.vips.picture import Renderer, SourceImage
from renderer.vips.runtime import Deadline


class Operations(enum.StrEnum):
    """Whose operations."""

    PLAN = "plan"
    IMGPROXY = "imgproxy"


REFERENCE: Final[Mapping[str, str]] = {"BILDWERK_PNG_ENCODER": "imgproxy"}
"""Settings under which our renderer answers with imgproxy's bytes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One picture to make: the source's bytes, and what a URL says of it."""

    data: bytes
    wanted: RenderRequest
    settings: Settings

    @classmethod
    def read(cls, data: bytes, options: str, format: str, variables: Mapping[str, str]) -> Request:
        """The request that a URL with these options is, under settings."""
        path = f"{options}/plain/local:///picture@{format}"
        return cls(data, parse_request(path, Grammar(now=time.time)), load_settings(variables))

    @property
    def format(self) -> ImageFormat:
        """The result's format."""
        format = self.wanted.output.format
        if format is None:
            raise ValueError("the result's format is not named")
        return format

    def source(self) -> SourceImage:
        """The source with its format."""
        format = detect(self.data, extension="", content_type="")
        if format is None:
            raise ValueError("the source is no picture")
        return SourceImage(data=self.data, format=format)


def rendered(request: Request) -> bytes:
    """The result of our renderer."""
    renderer = Renderer(request.settings, runtime.start())
    return renderer.render(request.source(), request.wanted, Deadline()).data


def recording(request: Request, operations: Operations) -> tuple[Recording, bytes]:
    """The calls of libvips that make a result, and the result."""
    runtime.start()
    if operations is Operations.PLAN:
        return recorded(lambda: rendered(request))
    # imgproxy leaves libvips as it comes.
    strips.set_rows(strips.LIBVIPS)
    return recorded(lambda: _as_imgproxy(request))


def _as_imgproxy(request: Request) -> bytes:
    """The result of imgproxy's operations, for what the benchmark's scenarios ask for."""
    source = request.source()
    image = _loaded(source, {})
    limits = resolved_limits(request.wanted.limits, request.settings.security)
    animates = request.format.traits.saves_animation and is_animated(image) and limits.max_animation_frames > 1
    if animates:
        frames = _loaded(source, {"n": min(page_count(image), limits.max_animation_frames)})
        image = _animation(frames, request)
    else:
        image = _still(image, source, request)
    image = _without_profile(image)
    choices = request.settings.pixels
    image = metadata.stripped(image, is_animated=animates, keeps_copyright=choices.keep_copyright)
    return _saved(image, request)


_LOADERS: Final = {
    ImageFormat.JPEG: "jpegload_buffer",
    ImageFormat.PNG: "pngload_buffer",
    ImageFormat.WEBP: "webpload_buffer",
    ImageFormat.GIF: "gifload_buffer",
    ImageFormat.AVIF: "heifload_buffer",
    ImageFormat.SVG: "svgload_buffer",
}
_SVG: Final = {"dpi": 96, "scale": 0.75}
_NO_FILTER: Final = 0x08
_ALL_FILTERS: Final = 0xF8
"""As libpng numbers them (VipsForeignPngFilter)."""


def _loaded(source: SourceImage, options: dict[str, Any]) -> pyvips.Image:
    operation = _LOADERS[source.format]
    if source.format is ImageFormat.SVG:
        options = {**_SVG, **options}
    image: pyvips.Image = pyvips.Operation.call(operation, source.data, access="sequential", **options)
    return image


def _shrunk_on_load(source: SourceImage, shrink: float) -> pyvips.Image | None:
    """The source, made smaller by its decoder; None where that has nothing to offer (spec 02 section 2.9)."""
    if source.format is ImageFormat.JPEG:
        return _loaded(source, {"shrink": int(shrink)})
    if source.format is ImageFormat.WEBP:
        return _loaded(source, {"scale": 1 / shrink})
    if source.format is ImageFormat.SVG:
        return _loaded(source, {"scale": 0.75 / shrink})
    return None  # AVIF has a thumbnail at best, and the benchmark's files have none


def _still(image: pyvips.Image, source: SourceImage, request: Request) -> pyvips.Image:
    is_vector = source.format is ImageFormat.SVG
    raster = raster_of(image, is_vector=is_vector)
    plan = _plan(request, raster)
    shrink = plan_load(plan, raster, source.format)
    smaller = _shrunk_on_load(source, shrink) if shrink != 1 else None
    if smaller is not None:
        image = smaller
        plan = after_load(plan, raster, raster_of(image, is_vector=is_vector))
    image = _without(image, *metadata.ANIMATION)
    return _framed(image, plan, request)


def _plan(request: Request, raster: Raster) -> FramePlan:
    pixels = request.settings.pixels
    return plan_frame(request.wanted.pipelines[0], raster, PlanDefaults(auto_rotate=pixels.auto_rotate))


def _framed(image: pyvips.Image, plan: FramePlan, request: Request) -> pyvips.Image:
    """One frame through the steps that the scenarios need: space, scale, turn, cut, flatten."""
    if image.interpretation not in ("srgb", "rgb", "b-w"):
        image = image.colourspace("b-w" if image.interpretation == "grey16" else "srgb")
    if plan.scale_x != 1 or plan.scale_y != 1:
        image = _resized(image, plan)
    if plan.angle:
        image = _without(image.copy_memory().rot(f"d{plan.angle}"), "orientation")
    image = _cut(image, plan.result)
    if image.hasalpha() and not request.format.traits.has_alpha:
        image = image.flatten(background=[255, 255, 255])
    return image


def _resized(image: pyvips.Image, plan: FramePlan) -> pyvips.Image:
    scale_x, scale_y = (plan.scale_y, plan.scale_x) if plan.is_sideways else (plan.scale_x, plan.scale_y)
    if not image.hasalpha():
        return image.resize(scale_x, vscale=scale_y)
    format = image.format
    return image.premultiply().cast(format).resize(scale_x, vscale=scale_y).unpremultiply().cast(format)


def _cut(image: pyvips.Image, result: Size) -> pyvips.Image:
    """What `fit` leaves over: a pixel at most, where rounding made one too many."""
    width, height = min(result.width or image.width, image.width), min(result.height or image.height, image.height)
    if (width, height) == (image.width, image.height):
        return image
    return image.extract_area((image.width - width + 1) // 2, (image.height - height + 1) // 2, width, height)


def _animation(image: pyvips.Image, request: Request) -> pyvips.Image:
    """Each frame by itself, in memory once it is made smaller; then all below one another (spec 02 section 1.4)."""
    height = page_height(image)
    count = image.height // height
    frames = []
    for number in range(count):
        frame = image.extract_area(0, number * height, image.width, height)
        plan = _plan(request, raster_of(frame, is_vector=False))
        frame = _framed(frame, plan, request)
        frames.append(frame.copy_memory() if min(plan.scale_x, plan.scale_y) < 1 else frame)
    joined = pyvips.Image.arrayjoin(frames, across=1).copy()
    joined.set_type(pyvips.GValue.array_int_type, "delay", whole_numbers(image, "delay")[:count])
    joined.set_type(pyvips.GValue.gint_type, "loop", whole_number(image, "loop", 0))
    joined.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    joined.set_type(pyvips.GValue.gint_type, "n-pages", count)
    return joined


def _without_profile(image: pyvips.Image) -> pyvips.Image:
    """Colors in sRGB, without a profile (spec 02 section 4.5)."""
    profile = blob(image, ICC_FIELD)
    if profile is None:
        return image
    if not (profile[48:56] == b"IEC sRGB" and image.interpretation == "srgb"):
        target = "sgrey" if image.interpretation == "b-w" else "srgb"
        space = "xyz" if profile[20:24] == b"XYZ " else "lab"
        image = image.icc_transform(target, embedded=True, pcs=space, depth=8)
    return _without(image, ICC_FIELD)


def _without(image: pyvips.Image, *names: str) -> pyvips.Image:
    present = [name for name in names if image.get_typeof(name)]
    if present:
        image = image.copy()
        for name in present:
            image.remove(name)
    return image


def _saved(image: pyvips.Image, request: Request) -> bytes:
    """The bytes, with the encoder's settings that imgproxy has by default (spec 02 sections 7.3 to 7.7)."""
    format = request.format
    options: dict[str, Any] = {"Q": quality(request.wanted.output, format, request.settings.formats)}
    match format:
        case ImageFormat.JPEG:
            data = image.jpegsave_buffer(optimize_coding=True, interlace=False, **options)
        case ImageFormat.WEBP:
            data = image.webpsave_buffer(effort=4, preset="default", **options)
        case ImageFormat.AVIF:
            data = image.heifsave_buffer(compression="av1", effort=1, **options)
        case ImageFormat.GIF:
            data = image.gifsave_buffer(bitdepth=_bits(image) or 8)
        case ImageFormat.PNG if bits := _bits(image):
            data = image.pngsave_buffer(filter=_NO_FILTER, interlace=False, palette=True, bitdepth=bits)
        case ImageFormat.PNG:
            data = image.pngsave_buffer(filter=_ALL_FILTERS, interlace=False)
        case _:
            raise ValueError(f"imgproxy's operations for {format.value} are not written down")
    saved: bytes = data
    return saved


def _bits(image: pyvips.Image) -> int | None:
    """The depth of the palette that the picture came with."""
    if not image.get_typeof("palette"):
        return None
    return whole_number(image, "bits-per-sample", 8)
