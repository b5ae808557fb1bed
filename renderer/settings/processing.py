"""Settings of formats, compression, pixels, metadata, watermark and fallback (spec 03 sections 1.6 to 1.9)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from renderer.formats import ImageFormat
from renderer.settings.declare import setting
from renderer.settings.readers import BOOLEAN, FORMATS, QUALITIES, STATUS, TEXT, integer, number, one_of, path

DEFAULT_FORMAT_QUALITY = ((ImageFormat.WEBP, 79), (ImageFormat.AVIF, 63), (ImageFormat.JXL, 77))


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatSettings:
    """Which format a result gets, and how it is written."""

    auto_webp: bool = setting(
        "IMGPROXY_AUTO_WEBP",
        "IMGPROXY_ENABLE_WEBP_DETECTION",
        read=BOOLEAN,
        default=False,
        doc="WebP to clients that accept it, if the URL names no format.",
    )
    auto_avif: bool = setting(
        "IMGPROXY_AUTO_AVIF",
        "IMGPROXY_ENABLE_AVIF_DETECTION",
        read=BOOLEAN,
        default=False,
        doc="AVIF to clients that accept it, if the URL names no format.",
    )
    auto_jxl: bool = setting(
        "IMGPROXY_AUTO_JXL",
        read=BOOLEAN,
        default=False,
        doc="JPEG XL to clients that accept it, if the URL names no format.",
    )
    enforce_webp: bool = setting(
        "IMGPROXY_ENFORCE_WEBP",
        read=BOOLEAN,
        default=False,
        doc="WebP to clients that accept it, whatever the URL says.",
    )
    enforce_avif: bool = setting(
        "IMGPROXY_ENFORCE_AVIF",
        read=BOOLEAN,
        default=False,
        doc="AVIF to clients that accept it, whatever the URL says.",
    )
    enforce_jxl: bool = setting(
        "IMGPROXY_ENFORCE_JXL",
        read=BOOLEAN,
        default=False,
        doc="JPEG XL to clients that accept it, whatever the URL says.",
    )
    preferred_formats: tuple[ImageFormat, ...] = setting(
        "IMGPROXY_PREFERRED_FORMATS",
        read=FORMATS,
        default=(ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.GIF),
        shown_default="jpeg,png,gif",
        doc="Result formats when neither the URL nor the client decides, best first.",
    )
    skip_processing_formats: tuple[ImageFormat, ...] = setting(
        "IMGPROXY_SKIP_PROCESSING_FORMATS",
        read=FORMATS,
        default=(),
        doc="Sources of these formats are returned as they are when no other format is asked for.",
    )
    always_rasterize_svg: bool = setting(
        "IMGPROXY_ALWAYS_RASTERIZE_SVG",
        read=BOOLEAN,
        default=False,
        doc="Render SVG sources even if no format is asked for.",
    )
    quality: int = setting("IMGPROXY_QUALITY", read=integer(1, 100), default=80, doc="Quality of lossy results.")
    format_quality: tuple[tuple[ImageFormat, int], ...] = setting(
        "IMGPROXY_FORMAT_QUALITY",
        read=QUALITIES,
        default=(),
        shown_default="webp=79,avif=63,jxl=77",
        doc="Quality by format; items given are merged over the defaults.",
    )
    jpeg_progressive: bool = setting("IMGPROXY_JPEG_PROGRESSIVE", read=BOOLEAN, default=False, doc="Progressive JPEG.")
    png_interlaced: bool = setting("IMGPROXY_PNG_INTERLACED", read=BOOLEAN, default=False, doc="Interlaced PNG.")
    png_encoder: str = setting(
        "BILDWERK_PNG_ENCODER",
        read=one_of("fast", "imgproxy"),
        default="fast",
        doc="`fast` chooses row filters and compression by content: half the CPU, about 1 % more bytes. `imgproxy`"
        " writes imgproxy's bytes. Pixels are the same.",
    )
    png_quantize: bool = setting("IMGPROXY_PNG_QUANTIZE", read=BOOLEAN, default=False, doc="PNG with a palette.")
    png_quantization_colors: int = setting(
        "IMGPROXY_PNG_QUANTIZATION_COLORS",
        read=integer(2, 256),
        default=256,
        doc="Colours of that palette; it chooses 1, 2, 4 or 8 bits.",
    )
    webp_effort: int = setting("IMGPROXY_WEBP_EFFORT", read=integer(1, 6), default=4, doc="CPU spent on WebP.")
    webp_preset: str = setting(
        "IMGPROXY_WEBP_PRESET",
        read=one_of("default", "photo", "picture", "drawing", "icon", "text"),
        default="default",
        doc="libwebp's preset.",
    )
    avif_speed: int = setting(
        "IMGPROXY_AVIF_SPEED", read=integer(0, 9), default=8, doc="Speed of AVIF encoding; effort is nine minus it."
    )
    jxl_effort: int = setting("IMGPROXY_JXL_EFFORT", read=integer(1, 9), default=4, doc="CPU spent on JPEG XL.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelSettings:
    """How pixels and metadata are treated."""

    use_linear_colorspace: bool = setting(
        "IMGPROXY_USE_LINEAR_COLORSPACE", read=BOOLEAN, default=False, doc="Resize in linear light."
    )
    disable_shrink_on_load: bool = setting(
        "IMGPROXY_DISABLE_SHRINK_ON_LOAD", read=BOOLEAN, default=False, doc="Decode sources at full size."
    )
    preserve_hdr: bool = setting(
        "IMGPROXY_PRESERVE_HDR",
        read=BOOLEAN,
        default=False,
        doc="Keep more than 8 bits where the result can hold them.",
    )
    strip_metadata: bool = setting(
        "IMGPROXY_STRIP_METADATA", read=BOOLEAN, default=True, doc="Remove metadata from results."
    )
    keep_copyright: bool = setting(
        "IMGPROXY_KEEP_COPYRIGHT", read=BOOLEAN, default=True, doc="Keep copyright and author when metadata is removed."
    )
    strip_color_profile: bool = setting(
        "IMGPROXY_STRIP_COLOR_PROFILE", read=BOOLEAN, default=True, doc="Convert to sRGB and drop the ICC profile."
    )
    auto_rotate: bool = setting(
        "IMGPROXY_AUTO_ROTATE", read=BOOLEAN, default=True, doc="Turn pictures as their EXIF orientation says."
    )
    enforce_thumbnail: bool = setting(
        "IMGPROXY_ENFORCE_THUMBNAIL", read=BOOLEAN, default=False, doc="Use the thumbnail inside HEIC and AVIF sources."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkSettings:
    """The one watermark that every request may ask for."""

    data: str = setting(
        "IMGPROXY_WATERMARK_DATA",
        read=TEXT,
        default="",
        secret=True,
        doc="The picture in standard base64; wins over the path.",
    )
    path: PurePath | None = setting(
        "IMGPROXY_WATERMARK_PATH",
        read=path("the path of a file"),
        default=None,
        doc="The picture's file; wins over the URL.",
    )
    url: str = setting("IMGPROXY_WATERMARK_URL", read=TEXT, default="", doc="The picture's URL, fetched once at start.")
    opacity: float = setting(
        "IMGPROXY_WATERMARK_OPACITY",
        read=number(high=1, above=0),
        default=1.0,
        doc="Multiplied with the URL's opacity.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackSettings:
    """The picture that is shown instead of a source that cannot be had."""

    data: str = setting(
        "IMGPROXY_FALLBACK_IMAGE_DATA",
        read=TEXT,
        default="",
        secret=True,
        doc="The picture in standard base64; wins over the path.",
    )
    path: PurePath | None = setting(
        "IMGPROXY_FALLBACK_IMAGE_PATH",
        read=path("the path of a file"),
        default=None,
        doc="The picture's file; wins over the URL.",
    )
    url: str = setting(
        "IMGPROXY_FALLBACK_IMAGE_URL", read=TEXT, default="", doc="The picture's URL, fetched once at start."
    )
    http_code: int = setting(
        "IMGPROXY_FALLBACK_IMAGE_HTTP_CODE",
        read=STATUS,
        default=200,
        doc="Status of answers with the fallback picture; 0 keeps the status of the error.",
    )
    ttl_seconds: int = setting(
        "IMGPROXY_FALLBACK_IMAGE_TTL",
        read=integer(0),
        default=0,
        shown_default="0 (as `IMGPROXY_TTL`)",
        doc="`max-age` of answers with the fallback picture, also of those that are errors.",
    )
