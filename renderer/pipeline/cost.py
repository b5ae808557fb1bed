"""What a render will cost, estimated from a source's header and the request before any pixel is decoded. Pure.

The figures are CPU milliseconds of one core, measured with this renderer (libvips 8.18.7) on one virtual x86-64 core of
a cloud machine, from drawn pictures with a photograph's noise; there a thumbnail of a JPEG of 2 megapixels costs 5.
They order pictures, nothing else: 57 of 60 kinds of render cost a third to three times what is estimated.
"""

from __future__ import annotations

import functools
import math
from typing import Final

from msgspec import Struct

from renderer.errors import BildwerkError
from renderer.formats import ImageFormat
from renderer.options.filters import Filters
from renderer.pipeline.geometry import Size
from renderer.pipeline.header import Raster
from renderer.pipeline.loading import Foreseen, foresee
from renderer.pipeline.output import (
    ResolvedLimits,
    SourceFacts,
    check_resolution,
    is_skipped,
    resolved_limits,
    result_format,
)
from renderer.pipeline.plan import FramePlan, PlanDefaults
from renderer.request.values import Pipeline, RenderRequest
from renderer.settings.load import Settings
from renderer.settings.processing import FormatSettings

_MEGA: Final = 1e6
_MOST_EXPECTED: Final = 512
"""Plans that are remembered, of 2 KB each."""


class Dimensions(Struct, frozen=True, kw_only=True):
    """What a source's header shows at a glance.

    Attributes:
        width: pixels, at least 1.
        height: pixels of one frame, at least 1.
        frames: at least 1; for large animations an estimate.
        is_progressive: whether a JPEG is stored as several passes over the whole picture.
    """

    width: int
    height: int
    frames: int = 1
    is_progressive: bool = False


class EncodedSource(Struct, frozen=True, kw_only=True):
    """A source before it is opened; `dimensions` is None when the header is not understood."""

    format: ImageFormat
    size_bytes: int
    dimensions: Dimensions | None


class Estimate(Struct, frozen=True):
    """What a render is expected to need.

    Attributes:
        ms: CPU milliseconds; finite, and above 0.
        shrink: by how much the decoder is going to make the picture smaller; None if it decodes no still picture.
        foreseen: what it follows from, if it is a still picture whose header was understood and that may be shrunk.
    """

    ms: float
    shrink: float | None = None
    foreseen: Foreseen | None = None


def estimate(
    request: RenderRequest,
    source: EncodedSource,
    settings: Settings,
    savable: frozenset[ImageFormat],
    *,
    limits: ResolvedLimits | None = None,
) -> Estimate:
    """What a render will need.

    What is going to be refused for its size or its format costs next to nothing: that is found out before decoding.

    Args:
        request: what is wanted.
        source: what it is wanted from.
        settings: all of them.
        savable: the formats that can be written.
        limits: those of the request, if they are resolved already.
    """
    if is_skipped(request, source.format, settings.formats):
        sanitizing = _SANITIZING * source.size_bytes / _MEGA if source.format is ImageFormat.SVG else 0
        return Estimate(_FIXED_MS + sanitizing)
    limits = limits or resolved_limits(request.limits, settings.security)
    try:
        return _render(request, source, (settings, limits), savable)
    except BildwerkError:
        return Estimate(_FIXED_MS)


def _render(
    request: RenderRequest,
    source: EncodedSource,
    resolved: tuple[Settings, ResolvedLimits],
    savable: frozenset[ImageFormat],
) -> Estimate:
    settings, limits = resolved
    seen = source.dimensions or _guessed(source)
    frames = max(1, min(seen.frames, limits.max_animation_frames))
    facts = SourceFacts(format=source.format, is_animated=frames > 1, has_alpha=False)
    result = result_format(request, facts, settings.formats, savable)
    if not result.traits.saves_animation:
        frames = 1
    if not source.format.traits.is_vector:
        check_resolution(Size(seen.width, seen.height), frames, limits)
    pipeline = request.pipelines[0]
    expected = _expected(pipeline, (seen.width, seen.height), source.format, limits.max_result_dimension)
    plan = expected.plan
    trims = pipeline.cropping.trim.threshold is not None
    shrinks = not (trims or frames > 1 or settings.pixels.disable_shrink_on_load)
    area = seen.width * seen.height / _MEGA
    shrink = expected.shrink if shrinks else 1.0
    loaded = area / shrink**2
    written = plan.whole.width * plan.whole.height / _MEGA
    tries = _MAX_BYTES_TRIES if request.output.max_bytes and result.traits.has_quality else 1
    of_frame = (
        (_TRIMMING * area if trims else 0)
        + _scaling_ms(plan, loaded, written)
        + _drawing_ms(pipeline, written)
        + tries * _encoding_ms(result, written, settings.formats)
    )
    milliseconds = _FIXED_MS + _decoding_ms(source, seen, area * frames, loaded * frames) + of_frame * frames
    if frames > 1:
        return Estimate(milliseconds)
    foreseen = expected if shrinks and source.dimensions and seen.frames == 1 else None
    return Estimate(milliseconds, 1.0 if source.format.traits.has_thumbnail else shrink, foreseen)


def _guessed(source: EncodedSource) -> Dimensions:
    """A square of as many pixels as such a file usually has."""
    side = math.isqrt(int(source.size_bytes * _PIXELS_PER_BYTE.get(source.format, 0))) or _DRAWING_SIDE
    return Dimensions(width=side, height=side)


@functools.lru_cache(maxsize=_MOST_EXPECTED)
def _expected(pipeline: Pipeline, size: tuple[int, int], format: ImageFormat, max_result_dimension: int) -> Foreseen:
    """What a still picture of that size lets expect: a site has few sizes of pictures and few of thumbnails."""
    raster = Raster(*size, is_vector=format.traits.is_vector)
    return foresee(pipeline, raster, format, PlanDefaults(max_result_dimension=max_result_dimension))


def _decoding_ms(source: EncodedSource, seen: Dimensions, area: float, loaded: float) -> float:
    by_area, by_megabyte, by_loaded = _DECODING.get(source.format, _DECODING_OTHER)
    if seen.is_progressive:
        by_area, by_megabyte, by_loaded = _PROGRESSIVE_AT_EIGHTH if loaded * 64 <= area else _PROGRESSIVE_JPEG
    # Metadata and frames that nobody looks at make files larger, not dearer.
    megabytes = min(source.size_bytes / _MEGA, _BYTES_PER_PIXEL * area)
    return by_area * area + by_megabyte * megabytes + by_loaded * loaded


def _scaling_ms(plan: FramePlan, loaded: float, written: float) -> float:
    if max(plan.scale_x, plan.scale_y) > 1:
        return _ENLARGING * written
    return _SHRINKING * loaded if min(plan.scale_x, plan.scale_y) < 1 else 0


def _drawing_ms(pipeline: Pipeline, written: float) -> float:
    has_mark = bool(pipeline.watermark.watermark.opacity)
    return written * (_filtering(pipeline.filters) + (_WATERMARK if has_mark else 0))


def _filtering(filters: Filters) -> float:
    """The cost of filters by megapixel; masks do not grow beyond all bounds."""
    blur = 5 + 0.7 * min(filters.blur, 300.0) if filters.blur else 0
    sharpening = 60 + 18 * min(filters.sharpen, 10.0) if filters.sharpen else 0
    return blur + sharpening + (2 if filters.pixelate else 0)


def _encoding_ms(format: ImageFormat, written: float, settings: FormatSettings) -> float:
    if format is ImageFormat.GIF:
        return _GIF_FRAME_MS + _GIF_ENCODING * written
    if format is ImageFormat.PNG:
        return written * (_PNG_QUANTIZING if settings.png_quantize else _PNG_BY_ENCODER[settings.png_encoder])
    if format is ImageFormat.WEBP:
        return written * _WEBP_BY_EFFORT[settings.webp_effort - 1]
    if format is ImageFormat.AVIF:
        return written * _AVIF_BY_SPEED[settings.avif_speed]
    if format is ImageFormat.JXL:
        return written * _JXL_BY_EFFORT[settings.jxl_effort - 1]
    return written * _ENCODING.get(format, _ENCODING[ImageFormat.HEIC])


_FIXED_MS: Final = 1.0
_SANITIZING: Final = 250.0
"""By megabyte of an SVG."""

_PIXELS_PER_BYTE: Final = {
    ImageFormat.JPEG: 5.0,
    ImageFormat.WEBP: 8.0,
    ImageFormat.AVIF: 12.0,
    ImageFormat.HEIC: 12.0,
    ImageFormat.JXL: 10.0,
    ImageFormat.PNG: 0.6,
    ImageFormat.GIF: 1.0,
    ImageFormat.TIFF: 0.4,
    ImageFormat.BMP: 0.3,
}
_BYTES_PER_PIXEL: Final = 3.0
_DRAWING_SIDE: Final = 1000
"""A drawing has no size before it is read; its target usually decides."""

# Decoding: by megapixel of the source, by megabyte of the file, by megapixel as loaded (after shrink-on-load).
_DECODING: Final = {
    ImageFormat.JPEG: (1.0, 8.5, 2.5),
    ImageFormat.PNG: (1.0, 3.5, 0.0),
    ImageFormat.WEBP: (7.5, 10.0, 0.0),
    ImageFormat.AVIF: (12.0, 0.0, 0.0),  # 33 where libvips decodes: if it is not plain
    ImageFormat.HEIC: (26.0, 0.0, 0.0),
    ImageFormat.JXL: (31.0, 0.0, 0.0),
    ImageFormat.TIFF: (4.0, 0.0, 0.0),
    ImageFormat.SVG: (0.0, 0.0, 150.0),
}
_PROGRESSIVE_JPEG: Final = (5.0, 30.0, 2.5)
_PROGRESSIVE_AT_EIGHTH: Final = (3.0, 1.5, 2.5)
"""Most of the file is not read (`renderer.codecs.jpeg_eighth`)."""
_DECODING_OTHER: Final = (8.0, 0.0, 0.0)

# By megapixel: of the source for trimming, as loaded for shrinking, of the result for the others.
_TRIMMING: Final = 150.0
_SHRINKING: Final = 2.0
_ENLARGING: Final = 45.0
_WATERMARK: Final = 20.0

# Encoding, by megapixel of the result. That of a GIF is mostly its palette: 3 to 13 s for 60 frames of 400 x 300.
_ENCODING: Final = {
    ImageFormat.JPEG: 8.0,
    ImageFormat.TIFF: 2.0,
    ImageFormat.BMP: 3.0,
    ImageFormat.ICO: 100.0,
    ImageFormat.HEIC: 300.0,
}
_PNG_BY_ENCODER: Final = {"fast": 55.0, "imgproxy": 100.0}
_PNG_QUANTIZING: Final = 1200.0
_GIF_FRAME_MS: Final = 60.0
_GIF_ENCODING: Final = 750.0
_WEBP_BY_EFFORT: Final = (15.0, 35.0, 70.0, 85.0, 85.0, 125.0)
_AVIF_BY_SPEED: Final = (22_500.0, 9_800.0, 7_500.0, 4_400.0, 1_500.0, 1_200.0, 210.0, 210.0, 55.0, 35.0)
_JXL_BY_EFFORT: Final = (35.0, 35.0, 35.0, 38.0, 230.0, 360.0, 420.0, 1_700.0, 2_400.0)
_MAX_BYTES_TRIES: Final = 2
