"""What a request wants of its result, resolved: settings fill in what the URL leaves open (spec 02 sections 7, 8).

Everything that is `None` in the options is decided here and nowhere else.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from renderer.errors import ResultFormatUnsavable, SourceResolutionTooLarge, UnsupportedFormat
from renderer.formats import ImageFormat
from renderer.options.limits import Limits
from renderer.options.output import Output
from renderer.pipeline.geometry import Size
from renderer.request.values import Pipeline, RenderRequest
from renderer.settings.processing import DEFAULT_FORMAT_QUALITY, FormatSettings, PixelSettings
from renderer.settings.security import SecuritySettings

T = TypeVar("T")

MIN_AVIF_SIDE = 16


class ResolvedLimits(Struct, frozen=True, kw_only=True):
    """Limits in pixels and frames; 0 is none, except for `max_src_resolution`."""

    max_src_resolution: int
    max_animation_frames: int
    max_animation_frame_resolution: int
    max_result_dimension: int


class PixelChoices(Struct, frozen=True, kw_only=True):
    """How pixels and metadata are treated."""

    strip_metadata: bool
    keep_copyright: bool
    strip_color_profile: bool
    preserve_hdr: bool
    enforce_thumbnail: bool


def resolved_limits(limits: Limits, settings: SecuritySettings) -> ResolvedLimits:
    """The limits of a request."""
    source, frames = limits.max_src_resolution, limits.max_animation_frames
    frame, result = limits.max_animation_frame_resolution, limits.max_result_dimension
    return ResolvedLimits(
        max_src_resolution=settings.max_src_resolution if source is None else source,
        max_animation_frames=settings.max_animation_frames if frames is None else frames,
        max_animation_frame_resolution=settings.max_animation_frame_resolution if frame is None else frame,
        max_result_dimension=settings.max_result_dimension if result is None else result,
    )


def pixel_choices(output: Output, settings: PixelSettings) -> PixelChoices:
    """How a request's pixels and metadata are treated."""
    return PixelChoices(
        strip_metadata=_chosen(output.strip_metadata, settings.strip_metadata),
        keep_copyright=_chosen(output.keep_copyright, settings.keep_copyright),
        strip_color_profile=_chosen(output.strip_color_profile, settings.strip_color_profile),
        preserve_hdr=_chosen(output.preserve_hdr, settings.preserve_hdr),
        enforce_thumbnail=_chosen(output.enforce_thumbnail, settings.enforce_thumbnail),
    )


def _chosen(option: T | None, setting: T) -> T:
    return setting if option is None else option


def quality(output: Output, format: ImageFormat, settings: FormatSettings) -> int:
    """The quality of a result, 1 to 100 (spec 02 section 7.1)."""
    return (
        output.quality
        or dict(output.format_quality).get(format)
        or dict(DEFAULT_FORMAT_QUALITY + settings.format_quality).get(format)
        or settings.quality
    )


def check_requested_format(request: RenderRequest, savable: frozenset[ImageFormat]) -> None:
    """Refuses a format that cannot be written before anything is downloaded.

    Raises:
        UnsupportedFormat: `svg` passes: only the source decides whether it can be the result.
    """
    format = request.output.format
    if format is not None and format is not ImageFormat.SVG and format not in savable:
        raise UnsupportedFormat(f"Resulting image format is not supported: {format.value}")


def is_skipped(request: RenderRequest, source: ImageFormat, settings: FormatSettings) -> bool:
    """Whether the source is returned as it is (spec 02 section 7.14)."""
    wanted = request.output.format
    skipped = request.output.skip_processing.union(settings.skip_processing_formats)
    if source is ImageFormat.SVG:
        if wanted is None:
            return not settings.always_rasterize_svg or source in skipped
        return wanted is ImageFormat.SVG
    return source in skipped and wanted in (None, source)


class SourceFacts(Struct, frozen=True, kw_only=True):
    """What the choice of a format depends on; `is_animated` counts only frames that may be rendered."""

    format: ImageFormat
    is_animated: bool
    has_alpha: bool


def result_format(
    request: RenderRequest, source: SourceFacts, settings: FormatSettings, savable: frozenset[ImageFormat]
) -> ImageFormat:
    """The format of the result (spec 02 section 7.2).

    Raises:
        ResultFormatUnsavable: it cannot be written.
    """
    wanted = request.output.format
    if wanted is ImageFormat.SVG:
        raise ResultFormatUnsavable("Can't save svg, probably not supported by your libvips")
    if wanted is None:
        chosen = _negotiated(request, source) or _preferred(request.pipelines[-1], source, settings, savable)
    else:
        chosen = _enforced(request, source) or wanted
    if chosen not in savable:
        raise ResultFormatUnsavable(f"Can't save {chosen.value}, probably not supported by your libvips")
    return chosen


def _negotiated(request: RenderRequest, source: SourceFacts) -> ImageFormat | None:
    features = request.features
    if features.prefers_jxl and not source.is_animated:
        return ImageFormat.JXL
    if features.prefers_avif and not source.is_animated:
        return ImageFormat.AVIF
    return ImageFormat.WEBP if features.prefers_webp else None


def _enforced(request: RenderRequest, source: SourceFacts) -> ImageFormat | None:
    features = request.features
    if features.enforces_jxl and not source.is_animated:
        return ImageFormat.JXL
    if features.enforces_avif and not source.is_animated:
        return ImageFormat.AVIF
    return ImageFormat.WEBP if features.enforces_webp else None


def _preferred(
    pipeline: Pipeline, source: SourceFacts, settings: FormatSettings, savable: frozenset[ImageFormat]
) -> ImageFormat:
    formats = [format for format in settings.preferred_formats if format in savable]
    if source.format in formats:
        return source.format
    needs_alpha = expects_alpha(pipeline, source_has_alpha=source.has_alpha)
    for format in formats:
        if (format.traits.saves_animation or not source.is_animated) and (format.traits.has_alpha or not needs_alpha):
            return format
    return formats[0]


def expects_alpha(pipeline: Pipeline, *, source_has_alpha: bool) -> bool:
    """Whether the result may have transparent pixels; `extend_aspect_ratio` is not considered, as in imgproxy."""
    canvas = pipeline.canvas
    padding = canvas.padding
    if canvas.background is not None:
        return False
    has_padding = any((padding.top, padding.right, padding.bottom, padding.left))
    return source_has_alpha or has_padding or canvas.extend.is_enabled


def fallback_format(format: ImageFormat, size: Size, *, has_alpha: bool) -> ImageFormat:
    """AVIF encoders refuse very small pictures; those become PNG or JPEG (spec 02 section 7.2)."""
    if format is ImageFormat.AVIF and min(size.width, size.height) < MIN_AVIF_SIDE:
        return ImageFormat.PNG if has_alpha else ImageFormat.JPEG
    return format


def check_resolution(size: Size, frames: int, limits: ResolvedLimits) -> None:
    """Refuses a raster that is too large, before its pixels are decoded (spec 02 section 8).

    Raises:
        SourceResolutionTooLarge: for animations a frame limit replaces the limit of the whole.
    """
    area = size.width * size.height
    if frames > 1 and limits.max_animation_frame_resolution > 0:
        if area > limits.max_animation_frame_resolution:
            raise SourceResolutionTooLarge("Source image frame resolution is too big")
    elif area * frames > limits.max_src_resolution:
        raise SourceResolutionTooLarge("Source image resolution is too big")


def reduced_quality(quality: int, size: int, max_bytes: int) -> int:
    """The next quality to try when a result is too heavy (spec 02 section 7.11)."""
    ratio = size / max_bytes
    factor = 0.25 if ratio > 3 else 0.5 if ratio > 1.5 else 0.75
    return max(1, min(quality - 1, int(quality * factor + 0.5)))


MIN_QUALITY = 10
"""`max_bytes` gives up at this quality, even above its target."""
